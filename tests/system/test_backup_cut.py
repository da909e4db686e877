"""Cuts of an installation under load: each is a state that a crash could have left, whatever was under way."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runtime import settings
from runtime.backup_archive.snapshot import IDENTITY, JOURNALS, REGISTRY, TELEMETRY, InstallationSnapshot, take_snapshot
from storage.sqlite_snapshot import SqliteSnapshot
from tests.faults.account import assert_each_stored_once
from tests.faults.publishing import publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running
from tests.system.test_backup import lautern

CUTS = 40
SLOW_S = 0.03
pytestmark = pytest.mark.timeout(240)


def copied(state: InstallationSnapshot, folder: Path) -> dict[str, sqlite3.Connection]:
    """Connections to copies of what a cut shows."""
    found = {}
    for name, snapshot in state.files.items():
        (folder / name).unlink(missing_ok=True)
        snapshot.copy(folder / name, lambda *_: None)
        found[name] = sqlite3.connect(folder / name)
    return found


def assert_could_be_a_crash(files: dict[str, sqlite3.Connection]) -> int:
    """All that a cursor will ask for is there; returns how many batches wait for one of them."""
    positions = dict(files[REGISTRY].execute("SELECT cursor_name, batch_id FROM positions"))
    judged = dict(files[IDENTITY].execute("SELECT lane, batch_id FROM judged"))
    waiting = 0
    for name in JOURNALS:
        (journal_id,) = files[name].execute("SELECT value FROM meta WHERE name = 'journal_id'").fetchone()
        lane = f"{name.removeprefix('journal-').removesuffix('.db')}:{journal_id[:8]}"
        effects, store = positions.get(f"effects/{lane}", 0), positions.get(f"store/{lane}", 0)
        batches = [number for (number,) in files[name].execute("SELECT id FROM batch ORDER BY id")]
        (last,) = files[name].execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
        assert store <= effects <= judged.get(lane, 0) <= last, (lane, store, effects, judged, last)
        needed = set(range(store + 1, last + 1))
        assert needed <= set(batches), (lane, store, last, batches[:3])
        verdicts = {n for (n,) in files[IDENTITY].execute("SELECT batch_id FROM verdict WHERE lane = ?", (lane,))}
        assert set(range(store + 1, judged.get(lane, 0) + 1)) <= verdicts, (lane, store, judged)
        waiting += len(needed)
    told = "SELECT sum(total) FROM ledger WHERE unit = 'samples' AND counter = 'stored'"
    (stored,) = files[REGISTRY].execute(told).fetchone()
    (there,) = files[TELEMETRY].execute("SELECT count(*) FROM sample").fetchone()
    assert 0 < stored <= there, (stored, there)
    return waiting


def slowly(path: Path) -> SqliteSnapshot:
    """Look at a database on a disk that takes its time: much happens between two looks."""
    snapshot = SqliteSnapshot(path)
    time.sleep(SLOW_S)
    return snapshot


def test_every_cut_under_load_could_be_a_crash(
    mosquitto: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.backup_archive.snapshot.open_database_state", slowly)
    copies = tmp_path / "copies"
    copies.mkdir()
    waiting, stopped_ms = [], []
    with running(tmp_path / "town", mosquitto) as town:
        chosen = settings.load_settings(town.folder)
        with publishing(town, 500):
            wait_until(lambda: town.rest.ledger("streetlight").get("received", 0) > 100, what="messages")
            for _ in range(CUTS):
                with take_snapshot(chosen, telemetry=True) as state:
                    files = copied(state, copies)
                stopped_ms.append(state.stopped_ms)
                waiting.append(assert_could_be_a_crash(files))
                for connection in files.values():
                    connection.close()
        assert not town.said("journal_stopped")
    middle = sorted(stopped_ms)[CUTS // 2]
    print(f"\n{CUTS} cuts, {sum(map(bool, waiting))} with batches under way, the registry stopped for {middle:.0f} ms")  # noqa: T201 - the figure is the point
    assert any(waiting), "no cut met a batch under way: the test proved nothing"


@contextmanager
def store_held(town: Installation) -> Iterator[None]:
    """Keep the telemetry file's write lock, so that samples wait in the journal."""
    with closing(sqlite3.connect(town.folder / "telemetry.db", isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("state", ["running", "killed"])
def test_what_waits_in_the_journal_is_stored_after_the_restore(mosquitto: Broker, tmp_path: Path, state: str) -> None:
    folder, archive = tmp_path / "new", tmp_path / "backup.tar.gz"
    with running(tmp_path / "old", mosquitto) as town:
        with store_held(town):
            with publishing(town, 300) as fleet:
                until = time.monotonic() + 3
                wait_until(lambda: time.monotonic() > until)
            wait_until(lambda: town.rest.ledger("streetlight")["received"] == fleet.number, what="all judged")
            assert town.rest.ledger("streetlight")["in_journal"] > fleet.number // 2
            if state == "killed":
                town.gateway.kill()
            done = lautern("backup", "--data-dir", town.folder, "--to", archive)
            assert done.returncode == 0, done.stderr
            town.gateway.kill()
        key = town.rest.key
    here = f"sqlite:///{folder / 'registry.db'}"
    done = lautern("restore", archive, "--data-dir", folder, "--trust-settings", LAUTERN_REGISTRY__URL=here)
    assert done.returncode == 0, done.stderr
    with running(folder, mosquitto, key=key) as town:
        assert_each_stored_once(town, fleet)
