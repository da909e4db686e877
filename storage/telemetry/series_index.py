"""Which series there are and which of their hours await a rollup; in SQLite, so that it survives a restart."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from application.telemetry.rollup import floor_to, touched_hours
from devices.samples import TELEMETRY, Sample, SeriesKey
from devices.time_us import HOUR_US

MARKS_KNOWN: Final = 100_000
_NEVER: Final = (0, 0)


class SeriesBook:
    """Works inside the transactions of its owner, on the connection of the one writer."""

    def __init__(self, connection: sqlite3.Connection, reach_of: Callable[[str], int]) -> None:
        self._connection = connection
        self._reach_of = reach_of
        self._ids: dict[tuple[str, str, str, str], int] = {}
        self._marked: set[tuple[int, int]] = set()
        self._quiet: dict[tuple[str, str, str, str], tuple[int, int]] = {}
        """By series: since and until when a sample would only mark the hour that is marked already."""

    def forget(self) -> None:
        """Drop what is remembered in memory; call it when a transaction was rolled back."""
        self._ids.clear()
        self._marked.clear()
        self._quiet.clear()

    def id_of(self, sample: Sample) -> int:
        """Number of the sample's series, new or known."""
        identity = (sample.kind, sample.asset_id, sample.series, sample.part)
        series_id = self._ids.get(identity)
        if series_id is None:
            insert = "INSERT INTO series (kind, asset_id, series, part) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
            self._connection.execute(insert, identity)
            select = "SELECT series_id FROM series WHERE kind = ? AND asset_id = ? AND series = ? AND part = ?"
            series_id = int(self._connection.execute(select, identity).fetchone()[0])
            self._ids[identity] = series_id
        return series_id

    def mark(self, samples: Iterable[Sample]) -> dict[str, int]:
        """Note the hours whose rollups these samples change; returns the first newly noted one of each kind.

        Only telemetry is rolled up, events are not.
        """
        touched: dict[tuple[int, int], str] = {}
        for sample in samples:
            since_us, until_us = self._quiet.get((sample.kind, sample.asset_id, sample.series, sample.part), _NEVER)
            if sample.series == TELEMETRY and not since_us <= sample.ts_us < until_us:
                self._touch(sample, touched)
        new = touched.keys() - self._marked
        first: dict[str, int] = {}
        if not new:
            return first
        for mark in new:
            first[touched[mark]] = min(mark[0], first.get(touched[mark], mark[0]))
        self._connection.executemany("INSERT OR IGNORE INTO unrolled VALUES (?, ?)", sorted(new))
        if len(self._marked) > MARKS_KNOWN:
            self._marked.clear()
        self._marked |= new
        return first

    def _touch(self, sample: Sample, touched: dict[tuple[int, int], str]) -> None:
        series_id, reach_us = self.id_of(sample), self._reach_of(sample.kind)
        for hour_us in touched_hours(sample.ts_us, reach_us):
            touched[hour_us, series_id] = sample.kind
        own_us = floor_to(sample.ts_us, HOUR_US)
        self._quiet[sample.kind, sample.asset_id, sample.series, sample.part] = own_us + reach_us, own_us + HOUR_US

    def is_new(self) -> bool:
        """True when no series was ever noted: a new store, or a file that was lost."""
        return self._connection.execute("SELECT 1 FROM series LIMIT 1").fetchone() is None

    def next_hour(self, before_us: int) -> tuple[str, int] | None:
        """Kind and hour of the oldest marks before the instant."""
        select = """SELECT kind, hour_us FROM unrolled JOIN series USING (series_id)
                    WHERE hour_us < ? ORDER BY hour_us LIMIT 1"""
        found = self._connection.execute(select, (before_us,)).fetchone()
        return (str(found[0]), int(found[1])) if found else None

    def first_hour(self, kind: str) -> int | None:
        """Oldest marked hour of a kind."""
        select = "SELECT min(hour_us) FROM unrolled JOIN series USING (series_id) WHERE kind = ?"
        found = self._connection.execute(select, (kind,)).fetchone()[0]
        return None if found is None else int(found)

    def marked(self, kind: str, hour_us: int, limit: int) -> Sequence[tuple[int, SeriesKey]]:
        """Some series of the kind whose hour is marked."""
        select = """SELECT series_id, asset_id, kind, series, part FROM unrolled JOIN series USING (series_id)
                    WHERE hour_us = ? AND kind = ? ORDER BY series_id LIMIT ?"""
        rows = self._connection.execute(select, (hour_us, kind, limit)).fetchall()
        return [(int(series_id), SeriesKey(*key)) for series_id, *key in rows]

    def unmark(self, hour_us: int, series_ids: Iterable[int]) -> None:
        """The hour of these series is rolled up."""
        done = [(hour_us, series_id) for series_id in series_ids]
        self._connection.executemany("DELETE FROM unrolled WHERE hour_us = ? AND series_id = ?", done)
        self._marked.difference_update(done)
        self._quiet.clear()

    def all(self, kind: str) -> Sequence[int]:
        """Numbers of all series of a kind."""
        return [int(row[0]) for row in self._connection.execute("SELECT series_id FROM series WHERE kind = ?", (kind,))]
