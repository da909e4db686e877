"""The tables are made by steps, once, and are those the program works with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from devices.errors import ConfigurationError, RegistryUnavailable
from storage.registry.engine import open_registry
from storage.registry.kinds import repositories_of_kinds
from storage.registry.metadata import METADATA
from storage.registry.migrate import is_current, upgrade_tables
from storage.registry.pre_migration_copy import keep_copy
from tests.contracts.registry.making import in_threads


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    url = str(request.getfixturevalue("postgres_url"))
    on(url, _drop_all)
    return url


def on(url: str, do: Callable[[Connection], object]) -> object:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            return do(connection)
    finally:
        engine.dispose()


def _drop_all(connection: Connection) -> None:
    connection.execute(text("DROP SCHEMA public CASCADE"))
    connection.execute(text("CREATE SCHEMA public"))


def _schema(connection: Connection) -> str:
    seen = inspect(connection)
    names = sorted(seen.get_table_names())
    columns = {name: [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)] for name in names}
    indexes = {name: sorted(str(index["name"]) for index in seen.get_indexes(name)) for name in names}
    return repr((columns, indexes, connection.execute(text("SELECT version_num FROM alembic_version")).all()))


def test_the_steps_make_exactly_the_tables_of_the_metadata(empty_url: str) -> None:
    repositories_of_kinds()
    open_registry(empty_url).close()

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA)

    assert on(empty_url, differences) == []


def test_partial_indexes_are_partial(empty_url: str) -> None:
    open_registry(empty_url).close()

    def partial(connection: Connection) -> set[str]:
        seen = inspect(connection)
        indexes = [index for name in METADATA.tables for index in seen.get_indexes(name)]
        return {str(i["name"]) for i in indexes if any("where" in option for option in i.get("dialect_options", {}))}

    declared = {
        str(index.name)
        for table in METADATA.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert on(empty_url, partial) == declared
    assert "ix_commands_open" in declared


def test_every_table_knows_its_tenant() -> None:
    repositories_of_kinds()
    assert [name for name, table in METADATA.tables.items() if "tenant_id" not in table.c] == []


def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    open_registry(empty_url).close()
    before = on(empty_url, _schema)
    registry = open_registry(empty_url)
    registry.migrate()
    registry.close()
    assert on(empty_url, _schema) == before
    assert on(empty_url, is_current) is True


def test_without_migration_an_empty_database_is_refused(empty_url: str) -> None:
    with pytest.raises(ConfigurationError, match="lautern migrate"):
        open_registry(empty_url, migrate=False)
    open_registry(empty_url).close()
    open_registry(empty_url, migrate=False).close()


def test_the_database_of_a_newer_program_is_refused(empty_url: str) -> None:
    open_registry(empty_url).close()
    on(empty_url, lambda c: c.execute(text("INSERT INTO alembic_version VALUES ('registry_9999')")))
    with pytest.raises(ConfigurationError, match="registry_9999"):
        open_registry(empty_url)


def test_a_failed_step_leaves_nothing(empty_url: str) -> None:
    # The last table of the first steps is in the way.
    on(empty_url, lambda c: c.execute(text("CREATE TABLE leases (x INTEGER)")))
    with pytest.raises(Exception, match="leases"):
        open_registry(empty_url)
    assert on(empty_url, lambda c: set(inspect(c).get_table_names())) == {"leases"}


def test_many_that_start_at_once_migrate_once(empty_url: str) -> None:
    in_threads([lambda: open_registry(empty_url).close()] * 8)
    assert on(empty_url, is_current) is True


def test_a_file_is_copied_before_its_tables_are_changed(tmp_path: Path) -> None:
    """The way back: the older version goes on with the copy."""
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    on(url, lambda connection: upgrade_tables(connection, ["registry_0001"]))
    on(url, lambda connection: connection.exec_driver_sql("INSERT INTO revisions VALUES ('inventory', NULL, 41)"))
    open_registry(url).close()
    (copy,) = tmp_path.glob("registry.db.before-*")
    assert copy.stat().st_mode & 0o777 == 0o600
    found = on(f"sqlite:///{copy}", lambda c: c.exec_driver_sql("SELECT revision FROM revisions").scalar())
    steps = on(f"sqlite:///{copy}", lambda c: list(MigrationContext.configure(c).get_current_heads()))
    assert (found, steps) == (41, ["registry_0001"])
    open_registry(url).close()
    assert len(list(tmp_path.glob("registry.db.before-*"))) == 1, "only when tables are changed"


def test_three_copies_are_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    open_registry(url).close()
    assert list(tmp_path.glob("*before*")) == [], "a new registry has nothing to go back to"
    for year in range(2020, 2025):
        (tmp_path / f"registry.db.before-{year}-01-01T000000Z").touch()
    newest = keep_copy(tmp_path / "registry.db")
    assert max(tmp_path.glob("registry.db.before-*")) == newest
    assert len(list(tmp_path.glob("registry.db.before-*"))) == 3


def test_what_cannot_be_copied_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    on(url, lambda connection: upgrade_tables(connection, ["registry_0001"]))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.sqlite_snapshot.SqliteSnapshot.copy", full)
    with pytest.raises(RegistryUnavailable, match="No space left"):
        open_registry(url)
    steps = on(url, lambda c: list(MigrationContext.configure(c).get_current_heads()))
    assert steps == ["registry_0001"]
    assert list(tmp_path.glob("*before*")) == list(tmp_path.glob(".*before*")) == []
