"""PostgreSQL ends what takes too long, and what that is called; changing the tables takes its time."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url, text

from application.ports.cursor_positions import CursorPositions
from devices.errors import RegistryTooSlow, RegistryUnavailable
from storage.registry import dialects
from storage.registry.dialects import ANSWERING, UNHURRIED, WORKING, Patience
from storage.registry.engine import SqlRegistry, open_registry
from storage.registry.migrate import LOCK_ID
from tests.real_parts.postgres import PostgresCluster
from tests.real_parts.waiting import wait_until

SHORT = Patience(statement_s=0.3, idle_s=0.3)
WAITING = """SELECT count(*) FROM pg_stat_activity
             WHERE wait_event = 'advisory' AND now() - query_start > interval '0.6 s'"""


@pytest.fixture
def hurried(postgres_url: str) -> Iterator[SqlRegistry]:
    """A registry without patience."""
    open_registry(postgres_url).close()
    registry = open_registry(postgres_url, migrate=False, patience=SHORT)
    yield registry
    registry.close()


@pytest.fixture
def other(postgres: PostgresCluster, postgres_url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Somebody else in the same database."""
    with postgres.connect(str(make_url(postgres_url).database)) as connection:
        yield connection


def note(registry: SqlRegistry) -> None:
    with registry.write() as tx:
        tx.get(CursorPositions).set("p", 1)


def sleep(registry: SqlRegistry) -> None:
    with registry.read() as tx:
        tx._connection.execute(text("SELECT pg_sleep(50)"))


def test_a_statement_that_takes_too_long_is_ended_and_named(hurried: SqlRegistry) -> None:
    with pytest.raises(RegistryTooSlow):
        sleep(hurried)
    note(hurried)


def test_a_lock_of_somebody_else_is_no_question_that_is_too_large(
    postgres_url: str, other: "psycopg.Connection[tuple[object, ...]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "BUSY_S", 0.2)
    open_registry(postgres_url).close()
    registry = open_registry(postgres_url, migrate=False, patience=UNHURRIED)
    with other.transaction():
        other.execute("LOCK TABLE positions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(RegistryUnavailable) as raised:
            note(registry)
    registry.close()
    assert type(raised.value) is RegistryUnavailable


def test_a_transaction_in_which_nothing_happens_lets_go(
    hurried: SqlRegistry, other: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    def hesitate() -> None:
        with hurried.write() as tx:
            tx.get(CursorPositions).set("p", 2)
            pid = tx._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
            wait_until(lambda: other.execute(gone, [pid]).fetchone() == (0,), what="it is ended")
            tx.get(CursorPositions).set("p", 3)

    with pytest.raises(RegistryUnavailable):
        hesitate()
    note(hurried)


@pytest.mark.parametrize(("patience", "statement"), [(ANSWERING, "15s"), (WORKING, "30s"), (UNHURRIED, "0")])
def test_each_role_has_its_patience(postgres_url: str, patience: Patience, statement: str) -> None:
    assert shown(postgres_url, patience)[:2] == [statement, "5s"]


def test_what_the_url_says_wins(postgres_url: str) -> None:
    own = {"options": "-c statement_timeout=7000 -c work_mem=5MB", "application_name": "ours"}
    url = make_url(postgres_url).update_query_dict(own).render_as_string(hide_password=False)
    assert shown(url, ANSWERING) == ["7s", "5s", "5MB", "ours"]


def shown(url: str, patience: Patience) -> list[str]:
    registry = open_registry(url, patience=patience)
    names = ("statement_timeout", "lock_timeout", "work_mem", "application_name")
    with registry.read() as tx:
        found = [str(tx._connection.execute(text(f"SHOW {name}")).scalar_one()) for name in names]
    registry.close()
    return found


def test_who_changes_the_tables_waits_for_another_who_does(
    postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "BUSY_S", 0.3)
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE patience")
    opened: list[SqlRegistry] = []
    with postgres.connect("patience") as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        url = postgres.url("patience")
        thread = threading.Thread(target=lambda: opened.append(open_registry(url, patience=SHORT)))
        thread.start()
        try:
            wait_until(lambda: other.execute(WAITING).fetchone() == (1,), what="it waits longer than others may")
        finally:
            other.execute("SELECT pg_advisory_unlock(%s)", [LOCK_ID])
            thread.join(30)
    assert len(opened) == 1
    opened[0].close()
    with postgres.connect() as connection:
        connection.execute("DROP DATABASE patience WITH (FORCE)")
