"""`JournalWriter` and `JournalReader` on a SQLite file of their own, one row per batch."""

import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path

from devices.errors import JournalFull, JournalUnavailable
from devices.ports.journal import Batch, Fill
from devices.samples import RawMessage
from storage.journal import sqlite_file
from storage.journal.encoding import decode, encode

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
  id INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL, oldest_us INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('format', '1');
"""


class SqliteJournalWriter:
    """Appends batches; each commit is on disk when `append` returns."""

    def __init__(self, path: Path, bound_bytes: int, reserve_bytes: int = 64 * 2**20) -> None:
        self._path = path
        self._bound_bytes = bound_bytes
        self._reserve_bytes = reserve_bytes
        self._connection, self.set_aside = sqlite_file.open_writer(path, _SCHEMA)
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('journal_id', ?)", (uuid.uuid4().hex,))
        self._release = 0
        self._dropped = 0

    def append(self, messages: Sequence[RawMessage]) -> int:
        """See `JournalWriter.append`."""
        data = encode(messages)
        try:
            return self._commit(data, len(messages), min(m.received_us for m in messages))
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            if "full" in str(error):
                raise JournalFull(str(error)) from error
            raise JournalUnavailable(str(error)) from error

    def _commit(self, data: bytes, count: int, oldest_us: int) -> int:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        self._drop_released()
        if sqlite_file.used_bytes(connection) + len(data) > self._bound_bytes:
            connection.commit()
            raise JournalFull(f"bound of {self._bound_bytes} bytes")
        if shutil.disk_usage(self._path.parent).free < self._reserve_bytes + len(data):
            connection.commit()
            raise JournalFull(f"less than {self._reserve_bytes} bytes free on the disk")
        row = connection.execute(
            "INSERT INTO batch (messages, oldest_us, data) VALUES (?, ?, ?) RETURNING id", (count, oldest_us, data)
        ).fetchone()
        connection.commit()
        return int(row[0])

    def _drop_released(self) -> None:
        if self._release > self._dropped:
            self._connection.execute("DELETE FROM batch WHERE id <= ?", (self._release,))
            self._dropped = self._release

    def release(self, through: int) -> None:
        """See `JournalWriter.release`; happens with the next append or `settle`."""
        self._release = max(self._release, through)

    def settle(self) -> None:
        """Drop what was released and give space back; called when nothing else is to do."""
        try:
            if self._release > self._dropped:
                self._connection.execute("BEGIN IMMEDIATE")
                self._drop_released()
                self._connection.commit()
            sqlite_file.give_back(self._connection)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise JournalUnavailable(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class SqliteJournalReader:
    """Reads batches, from the writer's process or another."""

    def __init__(self, path: Path, bound_bytes: int) -> None:
        self._bound_bytes = bound_bytes
        self._connection = sqlite_file.open_reader(path)
        row = self._connection.execute("SELECT value FROM meta WHERE name = 'journal_id'").fetchone()
        self.journal_id: str = row[0]

    def read(self, after: int) -> Batch | None:
        """See `JournalReader.read`."""
        row = self._connection.execute(
            "SELECT id, data FROM batch WHERE id > ? ORDER BY id LIMIT 1", (after,)
        ).fetchone()
        return None if row is None else Batch(row[0], decode(row[1]))

    def fill(self) -> Fill:
        """See `JournalReader.fill`."""
        count, oldest, newest = self._connection.execute(
            "SELECT coalesce(sum(messages), 0), min(oldest_us), max(id) FROM batch"
        ).fetchone()
        return Fill(sqlite_file.used_bytes(self._connection), self._bound_bytes, count, oldest, newest or 0)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
