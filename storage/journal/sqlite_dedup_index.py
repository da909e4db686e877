"""`Identity` on a SQLite file of its own: received numbers, and identities in one table per hour of their instant."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from application.ports.identity import DedupResult, SampleClaim
from devices.sequence_ranges import SequenceRanges
from devices.time_us import HOUR_US
from storage.journal import sqlite_file

_BOOTS_PER_DEVICE = 16
_OF_BEFORE = range(2**32)
"""Here lie the digests of an earlier Lautern, of 32 bits; of those of now, of 64 with a sign, one in 4e9 does."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS judged (lane TEXT PRIMARY KEY, batch_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdict (lane TEXT, batch_id INTEGER, data BLOB NOT NULL, PRIMARY KEY (lane, batch_id))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seq (device_id TEXT, boot_id TEXT, ranges TEXT NOT NULL, at_us INTEGER NOT NULL,
  PRIMARY KEY (device_id, boot_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, device_id TEXT NOT NULL, series TEXT NOT NULL,
  part TEXT NOT NULL, UNIQUE (device_id, series, part));
CREATE TABLE IF NOT EXISTS hour (hour INTEGER PRIMARY KEY, written_us INTEGER NOT NULL, claims INTEGER NOT NULL);
"""
# Each boot is dropped when its device has had newer ones; `put_ranges` does so for boots that begin with one message.
_DROP_OLD_BOOTS = """
DELETE FROM seq WHERE (device_id, boot_id) IN (SELECT device_id, boot_id FROM
  (SELECT device_id, boot_id, row_number() OVER (PARTITION BY device_id ORDER BY at_us DESC) AS age FROM seq)
  WHERE age > ?)
"""


class SqliteDedupIndex:
    """Keeps identities for `window_us` after they were last written to, at most `max_claims` of them."""

    def __init__(self, path: Path, window_us: int = 48 * HOUR_US, max_claims: int = 20_000_000) -> None:
        self._window_us = window_us
        self._max_claims = max_claims
        self._connection, self.set_aside = sqlite_file.open_writer(path, _SCHEMA, cache_kib=8000)
        self._series: dict[tuple[str, str, str], int] = {}
        self._per_device: dict[str, int] = {}
        self._hours: set[int] = set()
        self._loaded = False
        """Whether the three above are as in the file; not after a transaction that failed."""

    def _note_series(self, number: int, device_id: str, series: str, part: str) -> None:
        self._series[device_id, series, part] = number
        self._per_device[device_id] = self._per_device.get(device_id, 0) + 1

    def judged_through(self, lane: str) -> int:
        """See `Identity.judged_through`."""
        with sqlite_file.journal_errors():
            row = self._connection.execute("SELECT batch_id FROM judged WHERE lane = ?", (lane,)).fetchone()
        return int(row[0]) if row else 0

    def verdicts(self, lane: str, batch_id: int) -> bytes | None:
        """See `Identity.verdicts`."""
        return _verdicts(self._connection, lane, batch_id)

    @contextmanager
    def judge(self) -> Iterator["SqliteDedupIndex"]:
        """See `Identity.judge`."""
        if not self._loaded:
            self._load()
        try:
            with sqlite_file.journal_transaction(self._connection):
                yield self
        except BaseException:
            self._loaded = False
            raise

    def _load(self) -> None:
        self._series.clear()
        self._per_device.clear()
        with sqlite_file.journal_errors():
            for row in self._connection.execute("SELECT * FROM series"):
                self._note_series(*row)
            self._hours = {hour for (hour,) in self._connection.execute("SELECT hour FROM hour")}
        self._loaded = True

    def ranges(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], SequenceRanges]:
        """See `Judgement.ranges`."""
        found = {}
        for key in keys:
            row = self._connection.execute("SELECT ranges FROM seq WHERE device_id = ? AND boot_id = ?", key).fetchone()
            if row:
                found[key] = SequenceRanges.load(row[0])
        return found

    def put_ranges(self, ranges: Mapping[tuple[str, str], SequenceRanges], at_us: int) -> None:
        """See `Judgement.put_ranges`."""
        self._connection.executemany(
            "INSERT INTO seq VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET ranges = excluded.ranges, at_us = excluded.at_us",
            [(device, boot, r.dump(), at_us) for (device, boot), r in ranges.items()],
        )
        new = {device for (device, _), r in ranges.items() if r.received == 1}
        for device in new:
            self._connection.execute(
                "DELETE FROM seq WHERE device_id = ?1 AND boot_id NOT IN "
                "(SELECT boot_id FROM seq WHERE device_id = ?1 ORDER BY at_us DESC LIMIT ?2)",
                (device, _BOOTS_PER_DEVICE),
            )

    def claim(self, claims: Sequence[SampleClaim]) -> list[DedupResult]:
        """See `Judgement.claim`."""
        known = self._series.get
        rows = [(c.hour, known(c[:3]) or self._series_id(c), c.at, i, c.digest) for i, c in enumerate(claims)]
        standings = [DedupResult.NEW] * len(rows)
        # Near ones together, which the file likes; of the same identity the first to come before all others.
        for hour, group in groupby(sorted(rows), key=lambda row: row[0]):
            self._claim_in(hour, list(group), standings)
        return standings

    def _claim_in(self, hour: int, rows: list[tuple[int, int, int, int, int]], standings: list[DedupResult]) -> None:
        connection = self._connection
        table = self._table(hour)
        insert = f"INSERT INTO {table} VALUES (?1, ?2, ?4) ON CONFLICT DO NOTHING"  # noqa: S608 - a number of ours
        connection.execute("SAVEPOINT hour")
        before = connection.total_changes
        connection.executemany(insert, [row[1:] for row in rows])
        taken = connection.total_changes - before
        if taken < len(rows):
            connection.execute("ROLLBACK TO hour")
            taken = 0
            for _, series, at, index, digest in rows:
                if connection.execute(insert, (series, at, index, digest)).rowcount == 1:
                    taken += 1
                else:
                    standings[index] = self._compare(table, series, at, digest)
        connection.execute("RELEASE hour")
        connection.execute(
            "UPDATE hour SET claims = claims + ?, written_us = unixepoch() * 1000000 WHERE hour = ?", (taken, hour)
        )

    def compare(self, claim: SampleClaim) -> DedupResult:
        """See `Judgement.compare`; content that is no longer known counts as the same."""
        series = self._series.get(claim[:3])
        if series is None:
            return DedupResult.DUPLICATE
        if claim.numbered:
            return self._compare_numbered(series, claim)
        if claim.hour not in self._hours:
            return DedupResult.DUPLICATE
        return self._compare(f"seen_{claim.hour}", series, claim.at, claim.digest)

    def _compare_numbered(self, series: int, claim: SampleClaim) -> DedupResult:
        """Its hour is that of the first receipt, which lies before this one."""
        for hour in range(claim.hour, claim.hour - self._window_us // HOUR_US - 1, -1):
            if hour in self._hours:
                row = self._connection.execute(
                    f"SELECT digest FROM seen_{hour} WHERE series = ? AND at = ?",  # noqa: S608 - a number of ours
                    (series, claim.at),
                ).fetchone()
                if row is not None:
                    return _standing(row[0], claim.digest)
        return DedupResult.DUPLICATE

    def _compare(self, table: str, series: int, at: int, digest: int) -> DedupResult:
        row = self._connection.execute(
            f"SELECT digest FROM {table} WHERE series = ? AND at = ?",  # noqa: S608 - a number of ours
            (series, at),
        ).fetchone()
        return DedupResult.CONFLICT if row is None else _standing(row[0], digest)

    def knows(self, claim: SampleClaim) -> bool:
        """See `Judgement.knows`."""
        return claim[:3] in self._series

    def part_count(self, device_id: str) -> int:
        """See `Judgement.part_count`."""
        return self._per_device.get(device_id, 0)

    def series_count(self) -> int:
        """See `Judgement.series_count`."""
        return len(self._series)

    def _series_id(self, claim: SampleClaim) -> int:
        key = claim[:3]
        number = self._series.get(key)
        if number is None:
            row = self._connection.execute(
                "INSERT INTO series (device_id, series, part) VALUES (?, ?, ?) RETURNING id", key
            ).fetchone()
            number = int(row[0])
            self._note_series(number, *key)
        return number

    def _table(self, hour: int) -> str:
        name = f"seen_{hour}"
        if hour not in self._hours:
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {name} (series INTEGER, at INTEGER, digest INTEGER NOT NULL,"
                " PRIMARY KEY (series, at)) WITHOUT ROWID"
            )
            self._connection.execute("INSERT OR IGNORE INTO hour VALUES (?, 0, 0)", (hour,))
            self._hours.add(hour)
        return name

    def put_verdicts(self, lane: str, batch_id: int, verdicts: bytes) -> None:
        """See `Judgement.put_verdicts`."""
        self._connection.execute("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?)", (lane, batch_id, verdicts))
        self._connection.execute("INSERT OR REPLACE INTO judged VALUES (?, ?)", (lane, batch_id))

    def forget_verdicts(self, lane: str, through: int) -> None:
        """See `Identity.forget_verdicts`."""
        with sqlite_file.journal_errors():
            self._connection.execute("DELETE FROM verdict WHERE lane = ? AND batch_id <= ?", (lane, through))

    def prune(self, now_us: int) -> None:
        """See `Identity.prune`."""
        with sqlite_file.journal_errors():
            rows = self._connection.execute(
                "SELECT hour, written_us, claims FROM hour ORDER BY written_us DESC"
            ).fetchall()
        kept = 0
        for hour, written_us, claims in rows:
            kept += claims
            if written_us < now_us - self._window_us or kept > self._max_claims:
                with self.judge():
                    self._connection.execute(f"DROP TABLE seen_{hour}")
                    self._connection.execute("DELETE FROM hour WHERE hour = ?", (hour,))
                    self._hours.discard(hour)
        with self.judge():
            self._connection.execute(_DROP_OLD_BOOTS, (_BOOTS_PER_DEVICE,))
        with sqlite_file.journal_errors():
            sqlite_file.give_back(self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _standing(kept: int, digest: int) -> DedupResult:
    """How content stands to what is kept under its identity; of what was kept otherwise nothing is known."""
    return DedupResult.DUPLICATE if kept == digest or kept in _OF_BEFORE else DedupResult.CONFLICT


class SqliteVerdicts:
    """Reads verdicts from another thread than the one that judges."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite_file.open_reader(path)

    def verdicts(self, lane: str, batch_id: int) -> bytes:
        """See `Identity.verdicts`."""
        found = _verdicts(self._connection, lane, batch_id)
        if found is None:
            message = f"batch {batch_id} of {lane} was never judged"
            raise LookupError(message)
        return found

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _verdicts(connection: sqlite3.Connection, lane: str, batch_id: int) -> bytes | None:
    with sqlite_file.journal_errors():
        row = connection.execute(
            "SELECT data FROM verdict WHERE lane = ? AND batch_id = ?", (lane, batch_id)
        ).fetchone()
    return None if row is None else bytes(row[0])
