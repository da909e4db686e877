"""The audit log: one chain, whoever appends; nothing in it can be changed; what is yours is found."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from application.audit.entry import AuditAnchor, AuditEntry
from application.audit.signer import AuditSigner
from application.audit.verification import AuditFault, verify_chain
from application.ports.audit import AuditFilter, AuditLog
from application.ports.inventory import AssetRepository
from application.ports.registry import Registry
from devices.errors import AuditUnavailable, Invalid, RegistryUnavailable
from storage.registry.engine import SqlRegistry, open_registry
from tests.contracts.registry.making import asset, in_threads
from tests.unit.application.audit.making import deed

KEY = bytes(range(32))


class Clock:
    """A microsecond later at each look."""

    def __init__(self) -> None:
        self.now_us = 1_790_000_000_000_000

    def __call__(self) -> int:
        self.now_us += 1
        return self.now_us


SIGNER = AuditSigner(KEY, Clock())


@pytest.fixture
def recorded(registry_url: str) -> Iterator[SqlRegistry]:
    opened = open_registry(registry_url, signer=SIGNER)
    yield opened
    opened.close()


def entries(registry: Registry) -> list[AuditEntry]:
    with registry.read() as tx:
        return list(tx.get(AuditLog).after(0))


def test_entries_come_back_as_they_were_sealed(recorded: SqlRegistry) -> None:
    odd = {"text": 'größer\n"x" 🚒', "float": 1e22, "small": 1.0000000000000002, "one": 1.0, "list": [None, True, 0]}
    with recorded.write() as tx:
        audit = tx.get(AuditLog)
        assert audit.head() is None
        first = audit.append(deed(1, detail=odd))
        second = audit.append(deed(2, tenant_id=None))
    assert entries(recorded) == [first, second]
    with recorded.read() as tx:
        assert tx.get(AuditLog).head() == second
        assert tx.get(AuditLog).after(1) == [second]
    assert verify_chain(entries(recorded), SIGNER, []).finding is None


def test_what_is_rolled_back_leaves_neither_deed_nor_entry(recorded: SqlRegistry) -> None:
    with pytest.raises(RuntimeError), recorded.write() as tx:  # noqa: PT012 - the whole transaction is meant
        tx.get(AssetRepository).add(asset("lamp-1"))
        tx.get(AuditLog).append(deed())
        raise RuntimeError
    assert entries(recorded) == []


def test_without_a_key_nothing_is_recorded_and_so_nothing_done(registry: SqlRegistry) -> None:
    with pytest.raises(AuditUnavailable), registry.write() as tx:  # noqa: PT012
        tx.get(AssetRepository).add(asset("lamp-1"))
        tx.get(AuditLog).append(deed())
    with registry.read() as tx:
        assert tx.get(AssetRepository).many(["lamp-1"]) == {}


def test_a_table_that_cannot_be_written_undoes_the_deed(recorded: SqlRegistry, registry_url: str) -> None:
    engine = create_engine(registry_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO away"))
    with pytest.raises(AuditUnavailable), recorded.write() as tx:  # noqa: PT012
        tx.get(AssetRepository).add(asset("lamp-1"))
        tx.get(AuditLog).append(deed())
    with recorded.write() as tx:
        assert tx.get(AssetRepository).many(["lamp-1"]) == {}
        tx.get(AssetRepository).add(asset("lamp-1"))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO audit"))
    engine.dispose()


def test_a_log_that_somebody_else_writes_for_long_is_busy_and_not_broken(
    recorded: SqlRegistry, registry_url: str
) -> None:
    other = open_registry(registry_url, migrate=False, signer=SIGNER)
    with recorded.write() as tx:
        tx.get(AuditLog).append(deed(1))
        with pytest.raises(RegistryUnavailable) as caught, other.write() as later:
            later.get(AuditLog).append(deed(2))
    other.close()
    assert not isinstance(caught.value, AuditUnavailable)
    assert len(entries(recorded)) == 1


def append_many(url: str, count: int) -> None:
    registry = open_registry(url, migrate=False, signer=AuditSigner(KEY, lambda: 7))
    for number in range(count):
        with registry.write() as tx:
            tx.get(AuditLog).append(deed(number))
    registry.close()


def test_processes_that_append_at_once_make_one_chain(registry_url: str, recorded: SqlRegistry) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append_many, args=(registry_url, 30)) for _ in range(2)]
    for process in processes:
        process.start()
    in_threads([lambda: append_many(registry_url, 20)] * 2)
    for process in processes:
        process.join(40)
    assert [process.exitcode for process in processes] == [0, 0]
    verdict = verify_chain(entries(recorded), SIGNER, [])
    assert (verdict.entries, verdict.finding) == (100, None)


@pytest.mark.parametrize("statement", ["UPDATE audit SET name = 'x'", "DELETE FROM audit WHERE seq = 2"])
def test_the_database_refuses_to_change_entries(recorded: SqlRegistry, registry_url: str, statement: str) -> None:
    with recorded.write() as tx:
        for number in range(3):
            tx.get(AuditLog).append(deed(number))
    engine = create_engine(registry_url)
    with pytest.raises(DBAPIError, match="only be appended"), engine.begin() as connection:
        connection.execute(text(statement))
    if engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="only be appended"), engine.begin() as connection:
            connection.execute(text("TRUNCATE audit"))
    engine.dispose()
    assert len(entries(recorded)) == 3


@pytest.mark.parametrize(
    ("statement", "seq", "fault"),
    [
        ("UPDATE audit SET name = 'x' WHERE seq = 2", 2, AuditFault.CHANGED),
        ("UPDATE audit SET detail = '{}' WHERE seq = 2", 2, AuditFault.CHANGED),
        ("UPDATE audit SET tenant_id = NULL WHERE seq = 2", 2, AuditFault.CHANGED),
        ("DELETE FROM audit WHERE seq = 2", 2, AuditFault.DELETED),
        ("DELETE FROM audit WHERE seq > 2", 3, AuditFault.CUT),
    ],
)
def test_whoever_goes_around_the_refusal_is_found(
    recorded: SqlRegistry, registry_url: str, statement: str, seq: int, fault: AuditFault
) -> None:
    with recorded.write() as tx:
        anchors = [tx.get(AuditLog).append(deed(number)) for number in range(1, 5)]
    engine = create_engine(registry_url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text(statement))
    engine.dispose()
    finding = verify_chain(entries(recorded), SIGNER, [_anchor(anchors[-1])]).finding
    assert finding is not None
    assert (finding.seq, finding.fault) == (seq, fault)


def _anchor(entry: AuditEntry) -> AuditAnchor:
    return AuditAnchor(entry.seq, entry.seal.mac, 0)


def test_entries_are_found_by_who_what_where_and_when(recorded: SqlRegistry) -> None:
    deeds = [
        deed(1),
        deed(11, object="streetlight/L1/alarm/a_7", action="alarm.acknowledge", actor="key:ops"),
        deed(2, object="streetlight/L10"),
        deed(3, object="fire_drone/flight/1", action="flight.read"),
        deed(4, tenant_id=None, object="user/anna", action="sign_in", result="unauthenticated"),
        deed(5, tenant_id="mz", action="command.cancel"),
    ]
    with recorded.write() as tx:
        kept = [tx.get(AuditLog).append(d) for d in deeds]
    times = [entry.at_us or 0 for entry in kept]

    def found(**values: Any) -> list[int]:
        with recorded.read() as tx:
            which = replace(AuditFilter(), **values)
            page = tx.get(AuditLog).find(which)
            assert [e.seq for e in tx.get(AuditLog).after(0, 100, which)] == [e.seq for e in reversed(page.items)]
            return [e.seq for e in page.items]

    assert found() == [6, 5, 4, 3, 2, 1]
    assert found(tenant_ids=["kl"], hidden_subjects=["fire_drone"]) == [3, 2, 1]
    assert found(actor="key:ops") == [2]
    assert found(object="streetlight/L1") == [2, 1]
    assert found(object="streetlight/L1/alarm/a%7") == []
    assert found(object="streetlight") == [6, 3, 2, 1]
    assert found(action="command.") == [6, 3, 1]
    assert found(action="command.cancel") == [6]
    assert found(result="unauthenticated") == [5]
    assert found(from_us=times[1], to_us=times[4]) == [4, 3, 2]


def test_pages_go_on_where_they_ended(recorded: SqlRegistry) -> None:
    with recorded.write() as tx:
        for number in range(5):
            tx.get(AuditLog).append(deed(number))
    seen: list[int] = []
    cursor = None
    with recorded.read() as tx:
        while True:
            page = tx.get(AuditLog).find(AuditFilter(), 2, cursor)
            seen += [e.seq for e in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        for wrong in ("x", "-1", "9" * 30):
            with pytest.raises(Invalid):
                tx.get(AuditLog).find(AuditFilter(), 2, wrong)
    assert seen == [5, 4, 3, 2, 1]
