"""One moment of a running installation: docs/decisions/0009-backup-order.md says why in this order."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from devices.errors import JournalUnavailable, RegistryUnavailable, StoreUnavailable
from runtime.settings import Settings
from storage.registry.export_registry import RegistrySnapshot
from storage.registry.freeze_registry import writes_stopped
from storage.sqlite_snapshot import SqliteSnapshot
from storage.writable import with_reason

IDENTITY: Final = "identity.db"
JOURNALS: Final = ("journal-control.db", "journal-telemetry.db")
REGISTRY: Final = "registry.db"
TELEMETRY: Final = "telemetry.db"
_UNAVAILABLE: Final = {REGISTRY: RegistryUnavailable, TELEMETRY: StoreUnavailable}


@dataclass(frozen=True, slots=True)
class InstallationSnapshot:
    """States as of one moment; databases that are not there are left out. All are let go by `cut`, if not before."""

    stopped_ms: float
    """For how long the registry took no writes."""
    files: dict[str, SqliteSnapshot]
    """By name in the data directory, whatever the registry's own place is."""
    registry: RegistrySnapshot | None
    """On PostgreSQL."""


@contextmanager
def take_snapshot(settings: Settings, *, telemetry: bool) -> Iterator[InstallationSnapshot]:
    """Look at all databases as of one moment, for as long as the block lasts.

    Raises RegistryUnavailable, JournalUnavailable, StoreUnavailable.
    """
    places = places_of(settings)
    with ExitStack() as stack:
        files: dict[str, SqliteSnapshot] = {}
        registry = None
        if REGISTRY not in places:
            # Connecting may take long: not while judging waits.
            registry = RegistrySnapshot(settings.registry_url)
            stack.callback(registry.close)
        with ExitStack() as moment:
            if registry is not None or places[REGISTRY].exists():
                moment.enter_context(writes_stopped(settings.registry_url))
            began = time.monotonic()
            for name in (IDENTITY, *JOURNALS, REGISTRY, *((TELEMETRY,) if telemetry else ())):
                if name == REGISTRY and registry is not None:
                    registry.pin()
                elif places[name].exists():
                    files[name] = open_database_state(places[name])
                    stack.callback(files[name].close)
        yield InstallationSnapshot((time.monotonic() - began) * 1000, files, registry)


def places_of(settings: Settings) -> dict[str, Path]:
    """Where the SQLite databases are; without the registry where it is no SQLite file."""
    places = {name: settings.data_dir / name for name in (*JOURNALS, IDENTITY, TELEMETRY)}
    registry = make_url(settings.registry_url)
    if registry.get_backend_name() == "sqlite":
        places[REGISTRY] = Path(registry.database or "")
    return places


def open_database_state(path: Path) -> SqliteSnapshot:
    """A state of a SQLite database. Raises the error of what it holds."""
    try:
        return SqliteSnapshot(path)
    except sqlite3.Error as problem:
        raise _UNAVAILABLE.get(path.name, JournalUnavailable)(with_reason(path, problem)) from None
