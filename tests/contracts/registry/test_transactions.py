"""Transactions: all or nothing, one state, errors that say whether to try again."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from application.ports.changes import ChangeFeed
from application.ports.cursor_positions import CursorPositions
from application.ports.inventory import AssetFilter, AssetRepository
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry, RegistryTransaction
from application.ports.telemetry import TelemetryReader
from devices.errors import ConfigurationError, Conflict, RegistryUnavailable
from storage.registry import dialects
from storage.registry.engine import open_registry
from tests.contracts.registry.making import asset, binding, change, in_threads
from tests.real_parts.postgres import PostgresCluster

COUNT = """
import sys
from application.ports.cursor_positions import CursorPositions
from storage.registry.engine import open_registry
registry = open_registry(sys.argv[1])
for _ in range(50):
    with registry.write() as tx:
        tx.get(CursorPositions).set("p", tx.get(CursorPositions).get("p") + 1)
registry.close()
"""

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lautern'"


def test_an_exception_in_the_block_leaves_nothing(registry: Registry) -> None:
    def fail() -> None:
        with registry.write() as tx:
            tx.get(AssetRepository).add(asset("lamp-1"))
            tx.get(AssetRepository).bind(binding("lamp-1", "c-1", 5))
            tx.get(CursorPositions).set("effects/telemetry", 9)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    with registry.read() as tx:
        assert tx.get(AssetRepository).find(AssetFilter(include_retired=True)).items == []
        assert tx.get(AssetRepository).bindings_of_devices(["c-1"]) == {}
        assert tx.get(CursorPositions).get("effects/telemetry") == 0
        assert tx.get(AssetRepository).revision() == 0


def test_a_reader_sees_one_state(registry: Registry) -> None:
    with registry.read() as reader:
        assert reader.get(CursorPositions).get("p") == 0
        with registry.write() as writer:
            writer.get(CursorPositions).set("p", 1)
            writer.get(AssetRepository).add(asset("lamp-1"))
        assert reader.get(CursorPositions).get("p") == 0
        assert reader.get(AssetRepository).many(["lamp-1"]) == {}
    with registry.read() as reader:
        assert reader.get(CursorPositions).get("p") == 1


def test_nobody_sees_what_is_not_committed(registry: Registry) -> None:
    with registry.write() as writer:
        writer.get(CursorPositions).set("p", 1)
        with registry.read() as reader:
            assert reader.get(CursorPositions).get("p") == 0


def test_a_reader_cannot_write(registry: Registry) -> None:
    with pytest.raises((RegistryUnavailable, DBAPIError)), registry.read() as tx:
        tx.get(CursorPositions).set("p", 1)
    with registry.read() as tx:
        assert tx.get(CursorPositions).get("p") == 0


def test_a_port_has_one_adapter_per_transaction(registry: Registry) -> None:
    with registry.read() as tx:
        assert tx.get(AssetRepository) is tx.get(AssetRepository)
        with pytest.raises(KeyError):
            tx.get(TelemetryReader)


def test_an_unforeseen_violation_is_a_conflict(registry: Registry) -> None:
    def clash(tx: RegistryTransaction) -> None:
        tx.get(AssetRepository).add(asset("lamp-1"))
        connection = tx._connection  # type: ignore[attr-defined]
        connection.exec_driver_sql("INSERT INTO asset_group_members VALUES ('no such group', 'lamp-1', 'kl')")

    with pytest.raises(Conflict), registry.write() as tx:
        clash(tx)
    with registry.read() as tx:
        assert tx.get(AssetRepository).many(["lamp-1"]) == {}


def test_threads_read_and_write_at_once(registry: Registry) -> None:
    def write() -> None:
        for _ in range(20):
            with registry.write() as tx:
                tx.get(MessageLedger).count(
                    {("a", "messages", "received"): 1, ("a", "messages", "accepted"): 1, ("a", "messages", "stored"): 1}
                )

    def read() -> None:
        for _ in range(50):
            with registry.read() as tx:
                assert all(line.received == line.stored for line in tx.get(MessageLedger).lines())

    in_threads([write] * 4 + [read] * 4)
    with registry.read() as tx:
        assert tx.get(MessageLedger).lines()[0].received == 80


def test_processes_take_turns(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    # All three open an empty folder at once: one makes the file and its tables, the others wait.
    processes = [subprocess.Popen([sys.executable, "-c", COUNT, url]) for _ in range(3)]
    assert [process.wait(timeout=50) for process in processes] == [0, 0, 0]
    registry = open_registry(url)
    with registry.read() as tx:
        assert tx.get(CursorPositions).get("p") == 150
    registry.close()


def test_a_locked_file_is_unavailable_and_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "BUSY_S", 0.2)
    path = tmp_path / "registry.db"
    registry = open_registry(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RegistryUnavailable, match="locked"), registry.write():
        pytest.fail("got in")
    with registry.read() as tx:
        assert tx.get(CursorPositions).get("p") == 0
    other.execute("ROLLBACK")
    other.close()
    with registry.write() as tx:
        tx.get(CursorPositions).set("p", 1)
    registry.close()


def test_waiting_too_long_for_the_other_thread_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "BUSY_S", 0.2)
    registry = open_registry(f"sqlite:///{tmp_path / 'registry.db'}")
    with registry.write(), pytest.raises(RegistryUnavailable, match="busy"), registry.write():
        pytest.fail("got in")
    registry.close()


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable):
        open_registry(f"sqlite:///{tmp_path / 'no' / 'registry.db'}")


def test_a_damaged_file_is_no_reason_to_try_again(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    path.write_bytes(b"no database" * 500)
    with pytest.raises((DBAPIError, sqlite3.DatabaseError)) as caught:
        open_registry(f"sqlite:///{path}")
    assert "not a database" in str(caught.value)


@pytest.mark.parametrize("checkpoints", [True, False])
def test_one_process_only_moves_the_log_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, checkpoints: bool
) -> None:
    monkeypatch.setattr(dialects, "CHECKPOINT_PAGES", 100)
    path = tmp_path / "registry.db"
    registry = open_registry(f"sqlite:///{path}", checkpoints=checkpoints)
    before = path.stat().st_size
    for turn in range(20):
        with registry.write() as tx:
            tx.get(ChangeFeed).add([change(data={"long": "x" * 100_000})])
        with registry.read() as tx:
            assert len(tx.get(ChangeFeed).after(0)) == turn + 1
    log = path.with_name("registry.db-wal").stat().st_size
    if checkpoints:
        assert path.stat().st_size > before + 1_000_000
        assert log < 1_000_000
    else:
        assert path.stat().st_size == before
        assert log > 2_000_000
    registry.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_a_matter_of_settings(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_registry(url)


def test_postgresql_that_goes_away_is_unavailable_and_comes_back(postgres: PostgresCluster, postgres_url: str) -> None:
    registry = open_registry(postgres_url)
    with registry.write() as tx:
        tx.get(CursorPositions).set("p", 1)

    def lose_the_connection() -> None:
        with registry.write() as tx:
            tx.get(CursorPositions).set("p", 2)
            with postgres.connect() as connection:
                connection.execute(TERMINATE)
            tx.get(CursorPositions).set("p", 3)

    with pytest.raises(RegistryUnavailable):
        lose_the_connection()
    with registry.read() as tx:
        assert tx.get(CursorPositions).get("p") == 1
    postgres.server.kill()
    with pytest.raises(RegistryUnavailable), registry.read():
        pytest.fail("got in")
    postgres.server.start()
    with registry.read() as tx:
        assert tx.get(CursorPositions).get("p") == 1
    registry.close()


def test_two_writers_that_wait_for_each_other_do_not_wait_for_ever(postgres_url: str) -> None:
    registry = open_registry(postgres_url)
    with registry.write() as tx:
        tx.get(CursorPositions).set("one", 0)
        tx.get(CursorPositions).set("two", 0)
    meet = threading.Barrier(2)
    outcomes: list[str] = []

    def work(first: str, second: str) -> None:
        try:
            with registry.write() as tx:
                tx.get(CursorPositions).set(first, 1)
                meet.wait()
                tx.get(CursorPositions).set(second, 1)
            outcomes.append("committed")
        except RegistryUnavailable:
            outcomes.append("unavailable")

    in_threads([lambda: work("one", "two"), lambda: work("two", "one")])
    assert sorted(outcomes) == ["committed", "unavailable"]
    registry.close()
