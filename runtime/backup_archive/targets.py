"""Where an archive goes: all of it must be empty, and of the kind that the archive was made of."""

import time
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from devices.errors import LauternError
from devices.time_us import DAY_US
from runtime.backup_archive.manifest import ArchiveManifest, ArchiveRefused, BucketSource
from runtime.settings import Settings
from storage.registry.import_registry import RegistryImport
from storage.registry.migrate import unknown_revisions
from storage.telemetry.influx_buckets import raw_bucket, rollup_bucket
from storage.telemetry.influx_import import InfluxImport

OUR_SIGNS: Final = frozenset({"lautern.lock", "lost+found"})
"""What an empty data directory may hold: our lock, and what a file system of its own has."""


class NotEmpty(LauternError):
    """There are data where the archive should go; nothing was changed."""


def require_known(manifest: ArchiveManifest) -> None:
    """Raises ArchiveRefused for the tables of a newer Lautern."""
    if newer := unknown_revisions(manifest.registry.revisions):
        raise ArchiveRefused(
            f"Lautern {manifest.program} wrote it, whose tables this one does not know ({', '.join(newer)}): "
            "restore with that version, or a newer one"
        )


def require_empty_folder(folder: Path) -> None:
    """Raises NotEmpty."""
    if folder.exists() and not folder.is_dir():
        raise NotEmpty(f"{folder} is no folder")
    inside = sorted(path.name for path in folder.iterdir() if path.name not in OUR_SIGNS) if folder.exists() else []
    if inside:
        raise NotEmpty(f"{folder} holds {', '.join(inside[:5])}{' and more' if len(inside) > 5 else ''}")


def require_empty_registry(settings: Settings, manifest: ArchiveManifest) -> None:
    """Raises NotEmpty, ArchiveRefused, RegistryUnavailable."""
    place = make_url(settings.registry_url)
    kind = "sqlite" if place.get_backend_name() == "sqlite" else "postgresql"
    if kind != manifest.registry.kind:
        raise ArchiveRefused(
            f"its registry is kept in {manifest.registry.kind}, and the settings name {kind} (registry.url, "
            "LAUTERN_REGISTRY__URL): a backup does not move from one to the other"
        )
    if kind == "sqlite":
        if Path(place.database or "").exists():
            raise NotEmpty(f"there is a registry at {place.database} (registry.url, or LAUTERN_REGISTRY__URL)")
        return
    into = RegistryImport(settings.registry_url)
    try:
        tables = into.tables()
    finally:
        into.close()
    if tables:
        raise NotEmpty(f"the database {place.database} on {place.host} has tables: {', '.join(tables[:5])}")


def require_empty_store(settings: Settings, manifest: ArchiveManifest) -> None:
    """Raises NotEmpty, ArchiveRefused, StoreUnavailable."""
    kept, store = manifest.telemetry.kind, settings.store
    if kept == "none":
        return
    if kept != store.kind:
        raise ArchiveRefused(
            f"its telemetry is kept in {kept}, and the settings name {store.kind} (store.kind, LAUTERN_STORE__KIND): "
            "a backup does not move from one to the other"
        )
    if store.kind == "influxdb":
        into = influx_import(settings)
        try:
            named = (bucket_name(settings, bucket) for bucket in manifest.telemetry.buckets)
            filled = [name for name in named if not into.is_empty(name, time.time_ns() // 1000 + DAY_US)]
        finally:
            into.close()
        if filled:
            raise NotEmpty(f"buckets of InfluxDB that hold data: {', '.join(filled)} (store.bucket_prefix)")


def bucket_name(settings: Settings, bucket: BucketSource) -> str:
    """Name of a bucket of the archive under the settings' prefix."""
    return (rollup_bucket if bucket.rollups else raw_bucket)(settings.store.bucket_prefix, bucket.kind)


def influx_import(settings: Settings) -> InfluxImport:
    """An import into the settings' InfluxDB."""
    store = settings.store
    token = store.token.get_secret_value() if store.token else ""
    return InfluxImport(url=store.url, org=store.org, token=token)
