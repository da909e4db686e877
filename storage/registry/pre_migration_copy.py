"""A copy of a SQLite registry from before its tables are changed: the way back to the older version."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

import structlog

from devices.errors import RegistryUnavailable
from storage.sqlite_snapshot import SqliteSnapshot

KEPT: Final = 3
_MARK: Final = ".before-"
log = structlog.get_logger()


def keep_copy(path: Path) -> Path:
    """Copy the file beside itself, for its owner only, and drop all such copies but the newest three.

    Raises RegistryUnavailable: what cannot be copied is not to be changed.
    """
    target = path.with_name(f"{path.name}{_MARK}{time.strftime('%Y-%m-%dT%H%M%SZ', time.gmtime())}")
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.touch(mode=0o600)
        snapshot = SqliteSnapshot(path)
        try:
            snapshot.copy(part, lambda *_: None)
        finally:
            snapshot.close()
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise RegistryUnavailable(f"{path} could not be copied before its tables are changed: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    # Whatever the clock says, the one just made stays.
    for older in sorted(found for found in path.parent.glob(f"{path.name}{_MARK}*") if found != target)[: 1 - KEPT]:
        older.unlink(missing_ok=True)
    log.info("registry_copied_before_migration", copy=str(target))
    return target
