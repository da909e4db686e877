"""A registry on PostgreSQL, told as lines and taken in again by an empty database; and the SQLite file's copy."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import create_engine, select

from application.ports.alarms import AlarmRepository
from application.ports.changes import ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetters
from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.inventory import AssetRepository
from application.ports.latest_values import LatestValues
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry
from devices.errors import ConfigurationError, Conflict, Invalid, RegistryUnavailable
from storage.registry.engine import SqlRegistry, open_registry
from storage.registry.export_registry import RegistrySnapshot, revisions_of_file
from storage.registry.import_registry import LEAP, RegistryImport
from storage.registry.metadata import METADATA
from storage.sqlite_snapshot import SqliteSnapshot, file_problems, table_row_counts
from tests.contracts.registry.making import alarm, binding, change, command, latest, letter, with_assets
from tests.real_parts.postgres import PostgresCluster


@pytest.fixture
def new_url(postgres: PostgresCluster) -> Iterator[str]:
    name = f"t{secrets.token_hex(6)}"
    with postgres.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres.url(name)
    with postgres.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def old_url(postgres_url: str) -> str:
    open_registry(postgres_url).close()
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {', '.join(METADATA.tables)} RESTART IDENTITY CASCADE")
    engine.dispose()
    fill(postgres_url)
    return postgres_url


def fill(url: str) -> None:
    registry = open_registry(url)
    with_assets(registry, "lamp-1", "lamp-2")
    with registry.write() as tx:
        tx.get(AssetRepository).bind(binding("lamp-1", "c-1", 1))
        tx.get(CommandRepository).add([command("k1"), command("k2", arguments={"level_pct": 0.1})])
        tx.get(DeadLetters).add([letter("l1"), letter("l2", payload=None)])
        tx.get(AlarmRepository).add([alarm("a1", details={"text": 'größer\n"x" \\ 🚒'})])
        tx.get(LatestValues).put([latest("lamp-1", values={"power_w": 1.0000000000000002})])
        tx.get(MessageLedger).count({("streetlight", "messages", "received"): 2**40})
        tx.get(CursorPositions).set("effects/control:1", 77)
        tx.get(ChangeFeed).add([change(), change(), change()])
        configs = tx.get(DesiredConfigs)
        for version in range(3):
            config = DesiredConfig("lamp-1", "kl", "streetlight", 0, {"reporting_interval_s": version}, 5)
            configs.put(config, version)
        configs.mark_published("lamp-1", 3)
    registry.close()


def told(url: str, folder: Path) -> tuple[list[str], Mapping[str, Path], Mapping[str, int]]:
    snapshot = RegistrySnapshot(url)
    snapshot.pin()
    files = {}
    for name in snapshot.tables():
        files[name] = folder / name
        files[name].write_bytes(b"".join(snapshot.lines(name)))
    found = list(snapshot.revisions()), files, snapshot.sequences()
    snapshot.close()
    return found


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in METADATA.tables.items()
        }
    engine.dispose()
    return found


def test_every_row_comes_back_and_numbers_go_on(old_url: str, new_url: str, tmp_path: Path) -> None:
    taken = told(old_url, tmp_path)
    into = RegistryImport(new_url)
    assert into.tables() == []
    counts = into.run(*taken)
    assert "alembic_version" in into.tables()
    into.close()
    assert content(new_url) == content(old_url)
    assert {name: len(found) for name, found in content(old_url).items()} == counts
    assert (counts["commands"], counts["changes"]) == (2, 3)
    again = open_registry(new_url, migrate=False)
    assert_goes_on(again)
    again.close()


def assert_goes_on(registry: SqlRegistry) -> None:
    """Configurations are to be published again in their version; change ids are not given twice."""
    registry.make_ready()
    with registry.write() as tx:
        (config,) = tx.get(DesiredConfigs).unpublished()
        assert (config.version, config.published_version, config.body) == (3, None, {"reporting_interval_s": 2})
        tx.get(ChangeFeed).add([change()])
        assert [c.change_id > LEAP for c in tx.get(ChangeFeed).after(0)] == [False, False, False, True]


def test_rows_are_as_of_the_pin(old_url: str, tmp_path: Path) -> None:
    snapshot = RegistrySnapshot(old_url)
    snapshot.pin()
    registry = open_registry(old_url)
    with registry.write() as tx:
        tx.get(CommandRepository).add([command("later")])
    registry.close()
    assert "commands" in snapshot.tables()
    assert [line[:5] for line in snapshot.lines("commands")] == [b'["com', b'["k1"', b'["k2"']
    snapshot.close()


def test_a_failed_import_leaves_the_database_empty(old_url: str, new_url: str, tmp_path: Path) -> None:
    revisions, files, sequences = told(old_url, tmp_path)
    into = RegistryImport(new_url)
    files["bindings"].write_text(
        '["asset_id","device_id","from_us","tenant_id","kind"]\n["nobody","x",1,"kl","streetlight"]\n'
    )
    with pytest.raises(Conflict):
        into.run(revisions, files, sequences)
    files["bindings"].write_text('["other"]\n')
    with pytest.raises(Invalid, match="other columns"):
        into.run(revisions, files, sequences)
    files["bindings"].write_text('{"no": "list"}\n')
    with pytest.raises(Invalid):
        into.run(revisions, files, sequences)
    files["bindings"].write_text(
        '["asset_id","device_id","from_us","tenant_id","kind"]\n["lamp-1","x\\u0000",1,"kl","streetlight"]\n'
    )
    with pytest.raises(Invalid, match="refuses a row"):
        into.run(revisions, files, sequences)
    with pytest.raises(ConfigurationError):
        into.run(["from_the_future"], {}, {})
    assert into.tables() == []
    into.close()


def test_an_older_schema_is_taken_in_as_it_was_and_migrated(new_url: str, tmp_path: Path) -> None:
    (tmp_path / "assets").write_text(
        '["asset_id","tenant_id","kind","name","created_us","attributes","version","search_text"]\n'
        '["a","kl","streetlight","A",1,"{}",1,"a"]\n'
    )
    into = RegistryImport(new_url)
    counts = into.run(["registry_0001"], {"assets": tmp_path / "assets"}, {})
    into.close()
    assert counts["assets"] == 1
    assert "commands" not in counts
    registry = open_registry(new_url, migrate=True)
    assert name_of(registry, "a") == "A"
    registry.close()


def name_of(registry: Registry, asset_id: str) -> str:
    with registry.read() as tx:
        return tx.get(AssetRepository).get(asset_id).name


def test_no_server_is_said(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable):
        RegistrySnapshot("postgresql://nobody@127.0.0.1:1/none")


def test_a_copied_sqlite_registry_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    fill(url)
    snapshot = SqliteSnapshot(tmp_path / "registry.db")
    snapshot.copy(tmp_path / "copy.db", lambda *_: None)
    snapshot.close()
    assert file_problems(tmp_path / "copy.db") == ""
    assert table_row_counts(tmp_path / "copy.db")["commands"] == 2
    assert any(r.startswith("registry_") for r in revisions_of_file(tmp_path / "copy.db"))
    registry = open_registry(f"sqlite:///{tmp_path / 'copy.db'}", migrate=False)
    assert_goes_on(registry)
    registry.close()
