"""What is nowhere any more is told as lost, and only then."""

from collections.abc import Sequence

import pytest

from application.ports.cursor_positions import CursorPositions
from application.ports.message_ledger import LedgerLine, MessageLedger
from application.ports.registry import Registry
from gateway.lost_messages import write_off
from storage.registry.engine import open_registry
from storage.registry.ledger import SqlMessageLedger

LANES = ["control:1", "telemetry:1"]


@pytest.fixture(autouse=True)
def counted(registry: Registry) -> None:
    with registry.write() as tx:
        for unit in ("messages", "samples"):
            tx.get(MessageLedger).count(
                {("lamp", unit, c): n for c, n in (("received", 9), ("accepted", 9), ("stored", 6))}
            )
        for cursor in ("effects", "store"):
            tx.get(CursorPositions).set(f"{cursor}/telemetry:1", 70)


def test_what_both_cursors_have_passed_and_no_store_has_is_lost(registry: Registry) -> None:
    assert write_off(registry, LANES) == 6
    assert write_off(registry, LANES) == 0
    with registry.read() as tx:
        assert tx.get(MessageLedger).lines() == [
            LedgerLine("lamp", unit, received=9, stored=6, lost=3) for unit in ("messages", "samples")
        ]


def test_nothing_is_lost_while_the_store_is_behind(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(CursorPositions).set("effects/telemetry:1", 71)
    assert write_off(registry, LANES) == 0
    with registry.read() as tx:
        assert [line.in_journal for line in tx.get(MessageLedger).lines()] == [3, 3]


def test_what_is_accepted_between_the_two_looks_is_not_lost(
    registry_url: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursors go on meanwhile: positions and sums are of one moment."""
    write_off(registry, LANES)
    looked = SqlMessageLedger.lines

    def accepted_meanwhile(ledger: SqlMessageLedger) -> Sequence[LedgerLine]:
        effects = open_registry(registry_url)
        with effects.write() as tx:
            tx.get(MessageLedger).count({("lamp", "messages", c): 35 for c in ("received", "accepted")})
            tx.get(CursorPositions).set("effects/telemetry:1", 71)
        effects.close()
        return looked(ledger)

    monkeypatch.setattr(SqlMessageLedger, "lines", accepted_meanwhile)
    assert write_off(registry, LANES) == 0
    monkeypatch.undo()
    with registry.read() as tx:
        assert [line.in_journal for line in tx.get(MessageLedger).lines()] == [35, 0]
