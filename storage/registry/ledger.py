"""Counters and gaps."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Double, cast, delete, func, select

from application.ports.message_ledger import LedgerLine, SequenceGap
from storage.registry.bulk_upserts import BulkUpsert
from storage.registry.row_statements import in_chunks
from storage.registry.tables import GAPS, LEDGER, MISSING

COUNTERS: Final = ("received", "stored", "duplicate", "conflict", "dead_letter", "lost")
ACCEPTED: Final = "accepted"
BOOTS: Final = 16
"""Of one device that are told apart, up to twice as many until the older are put together."""
EARLIER: Final = ""
"""In place of a boot's id: all that were before. No device can name it."""
MOST: Final = 2**63 - 1
COUNT: Final = BulkUpsert(LEDGER, ("kind", "unit", "counter", "total"), add={"total"})
GAP_FIELDS: Final = (
    "device_id",
    "kind",
    "tenant_id",
    "boot_id",
    "first_seq",
    "last_seq",
    "received",
    "missing",
    "at_us",
)
PUT_GAPS: Final = BulkUpsert(
    GAPS, ("device_id", "boot_id", "kind", "tenant_id", "first_seq", "last_seq", "received", "missing", "at_us")
)


class SqlMessageLedger:
    """Ledger; one row per kind, unit and counter."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, increments: Mapping[tuple[str, str, str], int]) -> None:
        """Add to (kind, unit, column). Raises ValueError for a column that is none."""
        for _, _, counter in increments:
            if counter not in COUNTERS and counter != ACCEPTED:
                raise ValueError(counter)
        COUNT.run(self._connection, [(*key, number) for key, number in increments.items() if number])

    def lines(self) -> Sequence[LedgerLine]:
        """All lines; in_journal is accepted − stored."""
        totals: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for row in self._connection.execute(select(LEDGER).order_by(LEDGER.c.kind, LEDGER.c.unit)):
            totals[row.kind, row.unit][row.counter] = row.total
        return [_line(kind, unit, of) for (kind, unit), of in totals.items()]

    def put_gaps(self, gaps: Sequence[SequenceGap]) -> None:
        """Insert or replace by (device_id, boot_id). Older boots of one with many become one row, without id."""
        PUT_GAPS.run(
            self._connection,
            [
                (
                    gap.device_id,
                    gap.boot_id,
                    gap.kind,
                    gap.tenant_id,
                    gap.first_seq,
                    gap.last_seq,
                    gap.received,
                    gap.missing,
                    gap.at_us,
                )
                for gap in gaps
            ],
        )

        self._fold({gap.device_id for gap in gaps})

    def _fold(self, device_ids: Collection[str]) -> None:
        """Put together the oldest boots of those that have too many: inventing boots makes no rows."""
        many = select(GAPS.c.device_id).group_by(GAPS.c.device_id).having(func.count() > 2 * BOOTS)
        for some in in_chunks(device_ids):
            for device_id in self._connection.execute(many.where(GAPS.c.device_id.in_(some))).scalars().all():
                self._fold_one(device_id)

    def _fold_one(self, device_id: str) -> None:
        mine = select(*(GAPS.c[name] for name in GAP_FIELDS)).where(GAPS.c.device_id == device_id)
        newest_first = mine.order_by(GAPS.c.boot_id == EARLIER, GAPS.c.at_us.desc())
        older = [SequenceGap(*row) for row in self._connection.execute(newest_first)][BOOTS:]
        gone = [gap.boot_id for gap in older]
        self._connection.execute(delete(GAPS).where(GAPS.c.device_id == device_id, GAPS.c.boot_id.in_(gone)))
        first = older[0]
        received, missing = (
            min(MOST, sum(counts)) for counts in zip(*((g.received, g.missing) for g in older), strict=True)
        )
        row = (device_id, EARLIER, first.kind, first.tenant_id, 0, 0, received, missing, first.at_us)
        PUT_GAPS.run(self._connection, [row])

    def gaps(
        self,
        kinds: Collection[str] | None = None,
        device_id: str | None = None,
        limit: int = 500,
        tenant_ids: Collection[str] | None = None,
    ) -> Sequence[SequenceGap]:
        """Rows with something missing, most recent first."""
        query = select(*(GAPS.c[name] for name in GAP_FIELDS)).where(MISSING)
        if kinds is not None:
            query = query.where(GAPS.c.kind.in_(kinds))
        if device_id is not None:
            query = query.where(GAPS.c.device_id == device_id)
        if tenant_ids is not None:
            query = query.where(GAPS.c.tenant_id.in_(tenant_ids))
        query = query.order_by(GAPS.c.at_us.desc(), GAPS.c.device_id, GAPS.c.boot_id).limit(limit)
        return [SequenceGap(*row) for row in self._connection.execute(query)]

    def missing(self) -> int:
        """Messages missing of all devices together."""
        # A device may skip all numbers there are, and two such overflow a sum of integers.
        each = cast(GAPS.c.missing, Double)
        total = self._connection.execute(select(func.coalesce(func.sum(each), 0)).where(MISSING))
        return int(total.scalar_one())


def _line(kind: str, unit: str, totals: Mapping[str, int]) -> LedgerLine:
    in_journal = totals.get(ACCEPTED, 0) - totals.get("stored", 0)
    return LedgerLine(kind, unit, in_journal=in_journal, **{name: totals.get(name, 0) for name in COUNTERS})
