"""What is over its time is deleted in bites, and that it was is proved by a log that nobody alters."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from application.ports.alarms import AlarmRepository
from application.ports.dead_letters import DeadLetters
from application.ports.retention import DeletionLog, DeletionRecord, RetentionRepository
from application.privacy.data_classes import kept_classes
from devices.kind_catalog import discover_kinds
from devices.time_us import DAY_US
from gateway.retention import AT_ONCE, RetentionCleanup
from storage.registry.engine import SqlRegistry
from tests.contracts.registry.making import alarm, letter

NOW_US = 1_790_000_000_000_000
KINDS = ("streetlight", "fire_drone", "event_network")


def log_of(
    registry: SqlRegistry, tenants: set[str] | None = None, kinds: tuple[str, ...] = KINDS
) -> list[DeletionRecord]:
    with registry.read() as tx:
        return list(tx.get(DeletionLog).find(tenants, kinds).items)


def test_every_declared_class_of_data_is_somewhere(registry: SqlRegistry) -> None:
    declared = kept_classes(discover_kinds().values())
    with registry.write() as tx:
        retained = tx.get(RetentionRepository)
        assert set(retained.classes()) == set(declared)
        for name in declared:
            assert retained.drop(name, NOW_US, NOW_US, 10) == []


def test_what_is_over_its_time_goes_in_bites_and_the_rest_stays(registry: SqlRegistry) -> None:
    old, young = NOW_US - 100 * DAY_US, NOW_US - 10 * DAY_US
    with registry.write() as tx:
        tx.get(DeadLetters).add([letter(f"old{n}", received_us=old + n, tenant_id="kl") for n in range(5)])
        tx.get(DeadLetters).add([letter("young", received_us=young, tenant_id="kl")])
        tx.get(AlarmRepository).add(
            [
                alarm("over", raised_us=old, cleared_us=old + 5),
                alarm("going-on", name="other", raised_us=old, cleared_us=None),
            ]
        )
    job = RetentionCleanup(registry, {"dead_letters": 90, "alarms": 90}, lambda: NOW_US, at_once=2)
    steps = 1
    while job.step():
        steps += 1
    assert steps == 4
    with registry.read() as tx:
        assert [a.alarm_id for a in tx.get(AlarmRepository).find().items] == ["going-on"]
        assert [x.letter_id for x in tx.get(DeadLetters).find().items] == ["young"]
    found = log_of(registry)
    assert [(d.data_class, d.count) for d in reversed(found)] == [("dead_letters", n) for n in (2, 2, 1)] + [
        ("alarms", 1)
    ]
    assert (found[0].kind, found[0].tenant_id, found[0].from_us, found[0].at_us) == (
        "streetlight", "kl", old + 5, NOW_US,
    )  # fmt: skip


def test_the_log_shows_each_town_its_own_and_hides_restricted_kinds(registry: SqlRegistry) -> None:
    rows = [
        DeletionRecord(NOW_US, "flights", "fire_drone", "kl", 1, 2, 3),
        DeletionRecord(NOW_US, "alarms", "streetlight", "kl", 1, 2, 3),
        DeletionRecord(NOW_US, "sessions", None, "sp", 1, 2, 3),
    ]
    with registry.write() as tx:
        tx.get(DeletionLog).add(rows)
    assert log_of(registry, {"kl"}, ("streetlight",)) == [rows[1]]
    assert log_of(registry, {"sp"}) == [rows[2]]
    assert len(log_of(registry)) == 3


@pytest.mark.parametrize("statement", ["UPDATE deletions SET count = 0", "DELETE FROM deletions"])
def test_the_log_is_only_appended_to(registry: SqlRegistry, registry_url: str, statement: str) -> None:
    with registry.write() as tx:
        tx.get(DeletionLog).add([DeletionRecord(NOW_US, "alarms", "streetlight", "kl", 1, 2, 3)])
    engine = create_engine(registry_url.replace("postgresql://", "postgresql+psycopg://"))
    with pytest.raises(DBAPIError, match="only be appended to"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_round_is_made_once_in_a_while(registry: SqlRegistry) -> None:
    job = RetentionCleanup(registry, {"alarms": 90}, lambda: NOW_US, every_s=1000)
    assert not job.step()
    with registry.write() as tx:
        tx.get(AlarmRepository).add([alarm("over", raised_us=1, cleared_us=5)])
    assert not job.step()
    assert log_of(registry) == []


def test_a_large_backlog_never_holds_the_registry_for_long(registry: SqlRegistry) -> None:
    with registry.write() as tx:
        tx.get(DeadLetters).add([letter(f"l{n}", received_us=n, tenant_id="kl") for n in range(5000)])
    job = RetentionCleanup(registry, {"dead_letters": 1}, lambda: NOW_US)
    while job.step():
        pass
    counts = [deletion.count for deletion in log_of(registry)]
    assert sum(counts) == 5000
    assert max(counts) <= AT_ONCE, "each bite is a transaction of its own"
