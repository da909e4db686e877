"""Accepted messages that are nowhere any more are told as lost, so that the ledger does not wait for them for ever."""

from collections.abc import Sequence

import structlog

from application.ports.cursor_positions import CursorPositions
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry

log = structlog.get_logger()


def write_off(registry: Registry, lanes: Sequence[str]) -> int:
    """Where both cursors have passed all there is, what still counts as in the journal went with a damaged file.

    Returns how many messages and samples were written off. Raises RegistryUnavailable.
    """
    with registry.read() as tx:  # of one moment, while the cursors go on
        positions = tx.get(CursorPositions)
        if any(positions.get(f"store/{lane}") != positions.get(f"effects/{lane}") for lane in lanes):
            return 0
        gone = [line for line in tx.get(MessageLedger).lines() if line.in_journal > 0]
    moved = {}
    for line in gone:
        moved[line.kind, line.unit, "accepted"] = -line.in_journal
        moved[line.kind, line.unit, "lost"] = line.in_journal
        log.error("lost_with_the_journal", unit=line.unit, number=line.in_journal)
    if moved:
        with registry.write() as tx:
            tx.get(MessageLedger).count(moved)
    return sum(line.in_journal for line in gone)
