"""Copies what a cut shows, and what InfluxDB holds after it, into an archive."""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from devices.errors import LauternError
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.time_us import DAY_US
from runtime.backup_archive import member_names
from runtime.backup_archive.archive_writer import ArchiveWriter
from runtime.backup_archive.line_spool import LineSpool
from runtime.backup_archive.manifest import BucketSource, RegistrySource, TelemetrySource
from runtime.backup_archive.progress import ArchiveProgress, readable_size, say_line
from runtime.backup_archive.snapshot import REGISTRY, InstallationSnapshot, open_database_state, places_of
from runtime.settings import FILE_NAME, Settings
from storage.registry.export_registry import RegistrySnapshot, revisions_of_file
from storage.sqlite_snapshot import SqliteSnapshot, file_problems, table_row_counts, without_free_pages
from storage.telemetry.influx_buckets import raw_bucket, rollup_bucket
from storage.telemetry.influx_export import InfluxExport

ROLLUP_STATE: Final = "influxdb-rollups.db"
LINES_BYTES: Final = 32 * 2**20
RESERVE_BYTES: Final = 256 * 2**20
"""Left free for the journal, which stops when the disk is nearly full."""


class BackupFailed(LauternError):
    """The backup was not made; nothing of it is left."""


@dataclass(slots=True)
class BackupWriter:
    """Puts everything into the archive, piece by piece through files in `stage`. Raises BackupFailed, OSError."""

    settings: Settings
    catalog: KindCatalog
    archive: ArchiveWriter
    stage: Path
    not_included: list[str] = field(default_factory=list)

    def plain_files(self, config: Path | None) -> None:
        """Settings, ids and logins."""
        folder = self.settings.data_dir
        settings_file = config or folder / FILE_NAME
        places = {FILE_NAME: settings_file, "installation-id": folder / "installation-id"}
        places |= {path.name: path for path in folder.glob("mqtt-session-*")}
        places |= {f"broker/{path.name}": path for path in (folder / "broker").glob("*.password")}
        places["broker/devices.json"] = folder / "broker" / "devices.json"
        needed = {"audit.key": self.settings.audit_key_file, "audit.anchors": self.settings.audit_anchor_file}
        needed["secrets.key"] = self.settings.secrets_key_file
        for name, path in needed.items():
            if path == folder / name:
                places[name] = path
            else:
                what = "what is sealed in the registry" if name == "secrets.key" else "the audit log"
                self.not_included.append(f"{path}, which the settings keep elsewhere: {what} needs it")
        places["broker/callout.key"] = folder / "broker" / "callout.key"
        places |= {f"tls/{path.name}": path for path in (folder / "tls").glob("*") if path.suffix in {".pem", ".key"}}
        found = {place: path for place, path in sorted(places.items()) if path.exists()}
        for place, path in found.items():
            if member_names.most_bytes(member_names.of_file(place)):
                self.archive.add(member_names.of_file(place), path)
        if FILE_NAME not in found:
            self.not_included.append("settings: there is no lautern.toml, they come from the environment")
        say_line(f"  settings, ids and logins: {len(found)} files")

    def databases(self, state: InstallationSnapshot) -> RegistrySource:
        """All that the cut shows: first copied, so that nobody's log has to grow, then packed."""
        self._leave_room(state.files)
        copies = {name: self._copy(name, snapshot) for name, snapshot in state.files.items()}
        registry = self._tables(state.registry) if state.registry else RegistrySource(kind="sqlite", revisions=[])
        for name, copy in copies.items():
            if name == REGISTRY:
                registry = RegistrySource(kind="sqlite", revisions=list(revisions_of_file(copy)))
            self._pack_database(name, copy)
        return registry

    def _leave_room(self, files: Mapping[str, SqliteSnapshot]) -> None:
        places = places_of(self.settings)
        needed = sum(places[name].stat().st_size for name in files) + RESERVE_BYTES
        free = shutil.disk_usage(self.stage).free
        if free < needed:
            raise BackupFailed(
                f"{self.stage.parent} has {readable_size(free)} free, and {readable_size(needed)} are needed"
            )

    def _copy(self, name: str, snapshot: SqliteSnapshot) -> Path:
        copy = self.stage / name
        try:
            snapshot.copy(copy, ArchiveProgress(f"copying {name}"))
        except sqlite3.Error as problem:
            raise BackupFailed(f"copying {name}: {problem}") from None
        snapshot.close()
        if wrong := file_problems(copy):
            raise BackupFailed(f"{name} is damaged, and so would be its copy: {wrong}")
        return copy

    def _pack_database(self, name: str, copy: Path) -> None:
        # Pages without content may be all zeros, and many of these look like an archive made to fill a disk.
        smaller = copy.with_suffix(".smaller")
        try:
            if without_free_pages(copy, smaller):
                smaller.replace(copy)
        except sqlite3.Error as problem:
            raise BackupFailed(f"copying {name}: {problem}") from None
        counted = table_row_counts(copy)
        self.archive.add(member_names.of_database(name), copy, counted)
        say_line(f"  {name}: {readable_size(copy.stat().st_size)}, {sum(counted.values()):,} rows")
        copy.unlink()

    def _tables(self, registry: RegistrySnapshot) -> RegistrySource:
        total = 0
        for table in registry.tables():
            path = self.stage / f"{table}.jsonl"
            count = self._write(path, registry.lines(table), f"copying {table}") - 1
            self.archive.add(member_names.of_table(table), path, {table: count})
            path.unlink()
            total += count
        say_line(f"  registry, PostgreSQL: {total:,} rows")
        found = RegistrySource(
            kind="postgresql", revisions=list(registry.revisions()), sequences=dict(registry.sequences())
        )
        registry.close()
        return found

    @staticmethod
    def _write(path: Path, lines: Iterable[bytes], what: str) -> int:
        progress, count = ArchiveProgress(what), 0
        with path.open("wb") as file:
            for line in lines:
                file.write(line)
                count += 1
                progress.number(count, "rows")
        return count

    def telemetry(self, now_us: int, *, wanted: bool) -> TelemetrySource:
        """The telemetry that is not in a SQLite file, which the cut shows."""
        store = self.settings.store
        if not wanted:
            self.not_included.append("telemetry: left out as asked; cursors do not go back for it")
            return TelemetrySource(kind="none")
        if store.kind == "sqlite" or store.token is None:
            return TelemetrySource(kind="sqlite")
        export = InfluxExport(url=store.url, org=store.org, token=store.token.get_secret_value())
        try:
            raw = [self._bucket(export, kind, now_us, rollups=False) for kind in self.catalog.values()]
            # After the samples: each has its mark here. Before the rollups: what is no longer marked is in them.
            self._rollup_state()
            rolled = [self._bucket(export, kind, now_us, rollups=True) for kind in self.catalog.values()]
        finally:
            export.close()
        self.not_included.append("InfluxDB's users, tokens and other buckets")
        return TelemetrySource(kind="influxdb", buckets=[bucket for bucket in raw + rolled if bucket is not None])

    def _rollup_state(self) -> None:
        path = self.settings.data_dir / ROLLUP_STATE
        if path.exists():
            self._pack_database(ROLLUP_STATE, self._copy(ROLLUP_STATE, open_database_state(path)))

    def _bucket(self, export: InfluxExport, kind: DeviceKind, now_us: int, *, rollups: bool) -> BucketSource | None:
        name = (rollup_bucket if rollups else raw_bucket)(self.settings.store.bucket_prefix, kind.name)
        retention_s = export.retention_s(name)
        if retention_s is None:
            say_line(f"  {name}: there is no such bucket")
            return None
        since_us = max(0, now_us - retention_s * 1_000_000 - DAY_US) if retention_s else 0
        portions = export.lines(name, since_us, now_us + DAY_US)
        progress, values, number = ArchiveProgress(f"reading {name}"), 0, 0
        path = self.stage / "lines.lp"
        with LineSpool(path) as spool:
            for lines, held in portions:
                spool.write(lines)
                values += held
                progress.number(values, "values")
                if spool.bytes >= LINES_BYTES:
                    number += 1
                    spool.empty_into(self.archive, member_names.of_lines(kind.name, rollups=rollups, number=number))
            if spool.bytes:
                spool.empty_into(self.archive, member_names.of_lines(kind.name, rollups=rollups, number=number + 1))
        say_line(f"  {name}: {values:,} values")
        return BucketSource(kind=kind.name, rollups=rollups, retention_s=retention_s, values=values)
