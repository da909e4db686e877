"""Brings back what a verified archive holds, into places that are empty, and counts what is there then."""

import os
import shutil
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from devices.errors import Invalid, LauternError
from devices.time_us import DAY_US
from runtime.backup_archive import member_names
from runtime.backup_archive.archive_reader import CHUNK, MemberReader, VerifiedArchive
from runtime.backup_archive.manifest import ArchiveManifest, ArchiveRefused, BucketSource
from runtime.backup_archive.progress import ArchiveProgress, readable_size, say_line
from runtime.backup_archive.snapshot import REGISTRY
from runtime.backup_archive.targets import bucket_name, influx_import
from runtime.settings import FILE_NAME, Settings
from storage.registry.engine import open_registry
from storage.registry.import_registry import RegistryImport
from storage.sqlite_snapshot import file_problems, table_row_counts
from storage.telemetry.influx_export import InfluxExport
from storage.telemetry.influx_import import InfluxImport

RESERVE_BYTES: Final = 64 * 2**20
LINE_BYTES: Final = 2**20


class RestoreFailed(LauternError):
    """The archive was not restored."""


@dataclass(slots=True)
class ArchiveRestorer:
    """First files into `stage`, samples into InfluxDB, rows into PostgreSQL; then `settle` puts the files in place.

    Raises RestoreFailed, ArchiveRefused, RegistryUnavailable, StoreUnavailable, OSError.
    """

    settings: Settings
    archive: VerifiedArchive
    stage: Path
    tables: dict[str, Path] = field(default_factory=dict)
    expired: dict[str, int] = field(default_factory=dict)

    @property
    def _manifest(self) -> ArchiveManifest:
        return self.archive.manifest

    def require_room(self) -> None:
        """Raises RestoreFailed when the files would not fit."""
        needed = RESERVE_BYTES + sum(m.bytes for m in self._manifest.members if member_names.bucket_of(m.name) is None)
        free = shutil.disk_usage(self.stage).free
        if free < needed:
            raise RestoreFailed(
                f"{self.settings.data_dir} has {readable_size(free)} free, and {readable_size(needed)} are needed"
            )

    def unpack(self) -> None:
        """Write the files, and the samples into InfluxDB."""
        buckets = {(bucket.kind, bucket.rollups): bucket for bucket in self._manifest.telemetry.buckets}
        into = influx_import(self.settings) if buckets else None
        try:
            for bucket in buckets.values():
                if into is not None:
                    into.make(bucket_name(self.settings, bucket), bucket.retention_s)
            for entry in self.archive.entries():
                self._one(entry, buckets, into)
        finally:
            if into is not None:
                into.close()

    def _one(
        self, entry: MemberReader, buckets: dict[tuple[str, bool], BucketSource], into: InfluxImport | None
    ) -> None:
        lines_of = member_names.bucket_of(entry.name)
        place, table = member_names.place_of(entry.name), member_names.table_of(entry.name)
        if lines_of is not None and lines_of in buckets and into is not None:
            self._lines(entry, buckets[lines_of], into)
        elif place is not None:
            self._write(entry, self.stage / place)
        elif table is not None and self._manifest.registry.kind == "postgresql":
            self.tables[table] = self.stage / entry.name
            self._write(entry, self.tables[table])
        else:
            raise ArchiveRefused(f"{entry.name} does not go with what its manifest says")

    def _lines(self, entry: MemberReader, bucket: BucketSource, into: InfluxImport) -> None:
        name = bucket_name(self.settings, bucket)
        say_line(f"  {name}: {entry.name}")
        try:
            expired = into.put(name, bucket.retention_s, entry.lines(LINE_BYTES))
        except (Invalid, ValueError) as problem:
            raise ArchiveRefused(f"{entry.name}: {problem}") from None
        self.expired[name] = self.expired.get(name, 0) + expired

    @staticmethod
    def _write(entry: MemberReader, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        progress, done = ArchiveProgress(f"writing {path.name}"), 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            while data := entry.read(CHUNK):
                file.write(data)
                done += len(data)
                progress(done, entry.size)
            file.flush()
            os.fsync(file.fileno())

    def compare_databases(self) -> None:
        """Look whether each SQLite file is sound and has the rows that the manifest says."""
        for member, told in self._manifest.rows().items():
            place = member_names.place_of(member)
            if place is None:
                continue
            try:
                found = dict(table_row_counts(self.stage / place))
            except sqlite3.Error as problem:
                raise ArchiveRefused(f"{place}: {problem}") from None
            if wrong := file_problems(self.stage / place):
                raise ArchiveRefused(f"{place} is damaged: {wrong}")
            _compare(place, told, found)

    def fill_registry(self) -> None:
        """Take the rows into PostgreSQL, all or none."""
        registry = self._manifest.registry
        if registry.kind != "postgresql":
            return
        told = {
            str(member_names.table_of(member)): sum(counts.values())
            for member, counts in self._manifest.rows().items()
            if member_names.table_of(member)
        }
        into = RegistryImport(self.settings.registry_url)
        try:
            found = into.run(registry.revisions, self.tables, registry.sequences)
        finally:
            into.close()
        _compare("registry, PostgreSQL", told, dict(found))
        shutil.rmtree(self.stage / "registry")

    def make_registry_ready(self) -> None:
        """Bring its tables up to date, and let it go on with a broker that has nothing."""
        copy = self.stage / REGISTRY
        if self._manifest.registry.kind == "sqlite" and not copy.exists():
            return
        url = f"sqlite:///{copy}" if self._manifest.registry.kind == "sqlite" else self.settings.registry_url
        registry = open_registry(url, migrate=True, checkpoints=True)
        try:
            registry.make_ready()
        finally:
            registry.close()
        for before in self.stage.glob(f"{REGISTRY}.before-*"):
            before.unlink()  # the archive is the way back

    def compare_buckets(self) -> None:
        """Count what is in InfluxDB now."""
        store, now_us = self.settings.store, time.time_ns() // 1000
        buckets = self._manifest.telemetry.buckets
        if not buckets or store.token is None:
            return
        export = InfluxExport(url=store.url, org=store.org, token=store.token.get_secret_value())
        try:
            for bucket in buckets:
                name = bucket_name(self.settings, bucket)
                since_us = max(0, now_us - bucket.retention_s * 1_000_000 - DAY_US) if bucket.retention_s else 0
                expired = self.expired.get(name, 0)
                found = export.count(name, since_us, now_us + DAY_US)
                _compare(name, {"values": bucket.values - expired}, {"values": found}, "values")
                if expired:
                    say_line(f"  {name}: {expired:,} values are past their retention and were left out")
        finally:
            export.close()

    def settle(self) -> None:
        """Put the files in place, the settings last: what began without them would begin anew."""
        registry = make_url(self.settings.registry_url)
        for path in sorted(self.stage.iterdir(), key=lambda path: path.name == FILE_NAME):
            elsewhere = path.name == REGISTRY and registry.get_backend_name() == "sqlite"
            place = Path(registry.database or "") if elsewhere else self.settings.data_dir / path.name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(path, place)
        self.stage.rmdir()


def _compare(what: str, told: dict[str, int], found: dict[str, int], unit: str = "rows") -> None:
    """Say the sum, or what differs. Raises RestoreFailed."""
    found = {name: number for name, number in found.items() if number or name in told}
    told = {name: number for name, number in told.items() if number or name in found}
    differ = {name: (told.get(name), found.get(name)) for name in told | found if told.get(name) != found.get(name)}
    if differ:
        shown = ", ".join(f"{name} {there} instead of {wanted}" for name, (wanted, there) in sorted(differ.items())[:5])
        raise RestoreFailed(f"{what}: {shown}")
    say_line(f"  {what}: {sum(found.values()):,} {unit}, as in the backup")
