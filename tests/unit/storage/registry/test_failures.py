"""Which errors of the database may pass."""

import sqlite3

import pytest
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from devices.errors import Conflict, RegistryUnavailable
from storage.registry.database_errors import registry_errors


def raise_translated(error: Exception) -> None:
    with registry_errors():
        raise error


def sqlite_error(code: int) -> OperationalError:
    original = sqlite3.OperationalError("first line\nsecond")
    original.sqlite_errorcode = code
    return OperationalError("SELECT 'secret'", {}, original)


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC]
)
def test_a_busy_or_full_database_may_pass(code: int) -> None:
    with pytest.raises(RegistryUnavailable) as caught:
        raise_translated(sqlite_error(code))
    assert caught.value.detail == "first line"


def test_a_wrong_statement_never_passes() -> None:
    with pytest.raises(OperationalError):
        raise_translated(sqlite_error(sqlite3.SQLITE_ERROR))
    with pytest.raises(ProgrammingError):
        raise_translated(ProgrammingError("SELECT", {}, Exception("no such column")))
    with pytest.raises(DatabaseError):
        raise_translated(DatabaseError("SELECT", {}, sqlite3.DatabaseError("malformed")))


def test_lost_connections_and_full_pools_may_pass() -> None:
    with pytest.raises(RegistryUnavailable):
        raise_translated(OperationalError("SELECT", {}, Exception("server closed the connection")))
    with pytest.raises(RegistryUnavailable):
        raise_translated(DBAPIError("SELECT", {}, Exception("gone"), connection_invalidated=True))
    with pytest.raises(RegistryUnavailable):
        raise_translated(PoolTimeout())


def test_a_standby_that_may_take_over_may_pass() -> None:
    refused = Exception("cannot execute INSERT in a read-only transaction")
    refused.sqlstate = "25006"  # type: ignore[attr-defined]
    with pytest.raises(RegistryUnavailable):
        raise_translated(InternalError("INSERT", {}, refused))
    with pytest.raises(InternalError):
        raise_translated(InternalError("INSERT", {}, Exception("a fault of ours")))


def test_a_violated_constraint_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        raise_translated(IntegrityError("INSERT", {}, Exception("UNIQUE")))


def test_errors_of_others_are_left_alone() -> None:
    with pytest.raises(ZeroDivisionError):
        raise_translated(ZeroDivisionError())
