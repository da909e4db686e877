"""Names of operators give way to pseudonyms, after a time or when asked for; the audit log stays provable."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from application.audit.chain_reader import read_entries, read_whole_chain
from application.audit.entry import AuditEvent
from application.audit.signer import AuditSigner
from application.audit.verification import AuditFault, verify_chain
from application.ports.alarms import AlarmRepository
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.audit import AuditLog
from application.ports.commands import CommandRepository
from application.ports.retention import PersonIndex
from devices.alarms import AlarmNote
from devices.time_us import DAY_US
from gateway.retention import NamePseudonymiser
from storage.registry.engine import SqlRegistry, open_registry
from tests.contracts.registry.making import alarm, command, with_assets

NOW_US = 1_790_000_000_000_000
OLD_US, YOUNG_US = NOW_US - 200 * DAY_US, NOW_US - 100 * DAY_US


class Town:
    """A registry that records, whose past is as the test wants it."""

    def __init__(self, registry: SqlRegistry) -> None:
        self.registry = registry
        self.now_us = NOW_US

    def deed(self, actor: str, at_us: int) -> None:
        self.now_us = at_us
        with self.registry.write() as tx:
            tx.get(AuditLog).append(
                AuditEvent(actor, actor[5:].title(), "kl", "command.issue", "streetlight/L1", "10.0.0.7")
            )
        self.now_us = NOW_US

    def issued(self, command_id: str, issuer: str, at_us: int) -> None:
        with self.registry.write() as tx:
            tx.get(CommandRepository).add(
                [command(command_id, issuer=issuer, issued_us=at_us, deliver_by_us=at_us + 1)]
            )

    def issuers(self) -> dict[str, str]:
        with self.registry.read() as tx:
            return {c.command_id: c.issuer for c in tx.get(CommandRepository).find().items}

    def actors(self) -> list[str]:
        return [e.deed.actor for e in read_entries(self.registry) if e.deed is not None]


@pytest.fixture
def town(registry_url: str) -> "Town":
    made: list[Town] = []
    signer = AuditSigner(bytes(32), lambda: made[0].now_us)
    made.append(Town(open_registry(registry_url, checkpoints=True, signer=signer)))
    return made[0]


@pytest.fixture(autouse=True)
def _closed(town: Town) -> object:
    yield
    town.registry.close()


SIGNER = AuditSigner(bytes(32), lambda: NOW_US)


def aged(town: Town, at_once: int = 2) -> None:
    job = NamePseudonymiser(town.registry, 180, lambda: NOW_US, at_once=at_once)
    while job.step():
        pass


def test_old_names_go_and_young_ones_and_keys_stay(town: Town) -> None:
    with_assets(town.registry, "lamp-1")
    with town.registry.write() as tx:
        tx.get(ApiKeys).add(ApiKey("k", "lk1", b"x", "brigade", None, frozenset(), 1))
        for number, by in enumerate(("Anna", "brigade")):
            raised = alarm(f"a{number}", name=by, raised_us=OLD_US, acknowledged_by=by, acknowledged_us=OLD_US)
            tx.get(AlarmRepository).add([raised])
            tx.get(AlarmRepository).note(f"a{number}", AlarmNote(OLD_US, by, "comment", "seen"))
    for number in range(5):
        town.issued(f"c{number}", "Anna", OLD_US)
    town.issued("other", "Bert", OLD_US)
    town.issued("key", "brigade", OLD_US)
    town.issued("young", "Anna", YOUNG_US)
    aged(town)
    found = town.issuers()
    assert (found["key"], found["young"]) == ("brigade", "Anna")
    annas = {found[f"c{n}"] for n in range(5)}
    assert len(annas) == 1
    assert all(name.startswith("person:") for name in annas | {found["other"]})
    assert found["other"] not in annas
    with town.registry.read() as tx:
        alarms = {a.alarm_id: a for a in tx.get(AlarmRepository).find().items}
    assert {alarms["a0"].acknowledged_by, alarms["a0"].notes[0].by} == annas
    assert (alarms["a1"].acknowledged_by, alarms["a1"].notes[0].by) == ("brigade", "brigade")


def test_the_maker_of_a_key_is_named_until_long_after_its_end(town: Town) -> None:
    def key(name: str, by: str | None, **ends: int) -> ApiKey:
        return ApiKey(name, name, b"x", name, None, frozenset(), 1, created_by=by, **ends)

    with town.registry.write() as tx:
        keys = tx.get(ApiKeys)
        for each in (
            key("lives", "user:anna"),
            key("old", None, revoked_us=OLD_US),
            key("expired", "user:anna", expires_us=OLD_US),
            key("revoked", "user:anna", expires_us=OLD_US, revoked_us=YOUNG_US),
            key("program", "key:ops", revoked_us=OLD_US),
        ):
            keys.add(each)
    aged(town)
    with town.registry.write() as tx:
        found = {each.name: each.created_by for each in tx.get(ApiKeys).all()}
        assert str(found.pop("expired")).startswith("person:")
        assert found == {"lives": "user:anna", "old": None, "revoked": "user:anna", "program": "key:ops"}
        assert len(tx.get(PersonIndex).named("Anna", "user:anna", 10)["api_keys"]) == 3
        pseudonym, counts = tx.get(PersonIndex).erase("Anna", "user:anna")
        assert counts["api_keys"] == 2
        assert {each.created_by for each in tx.get(ApiKeys).all() if each.name in {"lives", "revoked"}} == {pseudonym}


def test_the_audit_log_without_names_is_still_proved(town: Town) -> None:
    town.deed("user:anna", OLD_US)
    town.deed("key:brigade", OLD_US + 1)
    town.deed("user:anna", YOUNG_US)
    aged(town)
    first, *rest = town.actors()
    assert first.startswith("person:")
    assert rest == ["key:brigade", "user:anna", "lautern:gateway"]
    verdict = verify_chain(read_entries(town.registry), SIGNER, ())
    assert (verdict.entries, verdict.finding) == (4, None)
    closed = verify_chain(read_whole_chain(town.registry, lambda _: False), SIGNER, ())
    assert (closed.closed, closed.finding) == (3, None)
    aged(town)
    assert len(town.actors()) == 4


def test_a_name_taken_out_by_somebody_else_is_found(town: Town, registry_url: str) -> None:
    town.deed("user:eve", YOUNG_US)
    town.deed("user:anna", YOUNG_US)
    _execute(registry_url, "UPDATE audit SET actor = 'person:x', name = '', address = '' WHERE seq = 1")
    finding = verify_chain(read_entries(town.registry), SIGNER, ()).finding
    assert finding is not None
    assert (finding.seq, finding.fault) == (1, AuditFault.CHANGED)


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'user:bert'",
        "actor = 'person:x'",
        "actor = 'person:x', name = '', address = '', object = 'streetlight/L2'",
        "detail = '{}', actor = 'person:x', name = '', address = '', action = 'x'",
    ],
)
def test_nothing_but_names_can_be_taken_out(town: Town, registry_url: str, change: str) -> None:
    town.deed("user:eve", YOUNG_US)
    with pytest.raises(DBAPIError, match="only be appended to"):
        _execute(registry_url, f"UPDATE audit SET {change} WHERE seq = 1")
    with pytest.raises(DBAPIError, match="only be appended to"):
        _execute(registry_url, "DELETE FROM audit")


def test_a_person_is_found_by_name_and_pseudonym_and_then_forgotten(town: Town) -> None:
    with_assets(town.registry, "lamp-1")
    town.issued("old", "Anna", OLD_US)
    town.issued("young", "Anna", YOUNG_US)
    town.issued("bert", "Bert", YOUNG_US)
    town.deed("user:anna", OLD_US)
    aged(town)
    with town.registry.write() as tx:
        persons = tx.get(PersonIndex)
        named = persons.named("Anna", "user:anna", 10)
        assert [c["command_id"] for c in named["commands"]] == ["young", "old"]
        assert len(named["audit"]) == 1
        pseudonym, counts = persons.erase("Anna", "user:anna")
        tx.get(AuditLog).append(
            AuditEvent("user:boss", "Boss", None, "user.erase", "user/x", detail={"pseudonym": pseudonym})
        )
        assert counts["commands"] == 1
        assert all(not rows for rows in persons.named("Anna", "user:anna", 10).values())
    assert town.issuers()["young"] == pseudonym
    assert town.issuers()["bert"] == "Bert"
    assert verify_chain(read_entries(town.registry), SIGNER, ()).finding is None


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
