"""What an error of the database means to the callers of the registry."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from devices.errors import Conflict, RegistryTooSlow, RegistryUnavailable

PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes after which the same call may succeed later; others are faults of ours or of the file."""

READ_ONLY: Final = "25006"
"""SQLSTATE of a write to a read-only PostgreSQL, as a standby is before it takes over."""
TOO_LONG: Final = "57014"
"""SQLSTATE of a statement that PostgreSQL ended because its time was up; one that waits for a lock has another."""


@contextmanager
def registry_errors() -> Iterator[None]:
    """Turn errors of the database into RegistryUnavailable or Conflict; faults of ours pass through."""
    try:
        yield
    except PoolTimeout as error:
        raise RegistryUnavailable("all connections are busy") from error
    except IntegrityError as error:
        # Never in the words of the database: they name what is there already.
        raise Conflict("somebody_was_faster") from error
    except DBAPIError as error:
        if not _may_pass(error):
            raise
        slow = getattr(error.orig, "sqlstate", None) == TOO_LONG
        raise (RegistryTooSlow if slow else RegistryUnavailable)(_first_line(error)) from error


def _may_pass(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", None)
        return isinstance(code, int) and code & 0xFF in PASSING
    read_only = getattr(error.orig, "sqlstate", None) == READ_ONLY
    return read_only or error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
