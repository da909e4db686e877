"""What stops a backup or a restore is said in a sentence, changes nothing and leaves nothing behind; its options."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from application.ports.cursor_positions import CursorPositions
from application.ports.inventory import AssetRepository
from runtime import exit_codes
from runtime.backup_archive.manifest import RegistrySource
from storage.registry.engine import open_registry
from storage.registry.migrate import upgrade_tables
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT
from tests.system.test_backup import lautern
from tests.unit.runtime.backup_archive.making import make

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "home"
    done = lautern("init", "--data-dir", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def first_archive(first_home: Path) -> Path:
    done = lautern("backup", "--data-dir", first_home, "--to", first_home.parent)
    assert done.returncode == 0, done.stderr
    found = Path(done.stdout.strip())
    assert found.name.startswith("lautern-")
    assert found.stat().st_mode & 0o777 == 0o600
    return found


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """An installation that was never started."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


@pytest.fixture
def archive(first_archive: Path, tmp_path: Path) -> Path:
    """Its backup."""
    return Path(shutil.copy2(first_archive, tmp_path))


def assert_told(done: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    last = done.stderr.strip().rpartition("\n")[2]
    assert done.returncode == code, done.stderr
    assert last.startswith("lautern: "), done.stderr
    assert all(word in last for word in words), last
    assert "Traceback" not in done.stderr


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder for backups."""
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


def test_no_backup_is_overwritten(home: Path, shelf: Path) -> None:
    (shelf / "a.tar.gz").write_text("older")
    assert_told(
        lautern("backup", "--data-dir", home, "--to", shelf / "a.tar.gz"), exit_codes.FAILED, "is there already"
    )
    assert (shelf / "a.tar.gz").read_text() == "older"
    assert_told(lautern("backup", "--data-dir", shelf / "no", "--to", shelf), exit_codes.FAILED, "there is no")


def test_a_folder_that_is_not_there_does_not_become_a_file(home: Path, shelf: Path) -> None:
    """Such as that of a disk that was not mounted."""
    for to in ("disk", "x/a", "x/a.tar.gz", "a.tar.gz.age", "a.zip"):
        missing = shelf / "x" if to == "x/a.tar.gz" else shelf / to
        done = lautern("backup", "--data-dir", home, "--to", shelf / to)
        assert_told(done, exit_codes.FAILED, f"there is no folder {missing}", "--to", "make it")
        assert nothing_but(shelf)
    sealed = {"LAUTERN_BACKUP__RECIPIENTS": '["age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"]'}
    assert_told(
        lautern("backup", "--data-dir", home, "--to", shelf / "a.tar.gz", **sealed),
        exit_codes.FAILED,
        ".tar.gz.age",
    )
    assert nothing_but(shelf)


def influx_settings(url: str, token: str, prefix: str) -> dict[str, str]:
    return {
        "LAUTERN_STORE__KIND": "influxdb",
        "LAUTERN_STORE__URL": url,
        "LAUTERN_STORE__TOKEN": token,
        "LAUTERN_STORE__BUCKET_PREFIX": prefix,
    }


def test_an_absent_influxdb_is_said(home: Path, shelf: Path) -> None:
    away = influx_settings(f"http://127.0.0.1:{claim_port()}", "x", "x")
    assert_told(lautern("backup", "--data-dir", home, "--to", shelf, **away), exit_codes.UNREACHABLE, "does not answer")
    assert nothing_but(shelf)


def test_a_wrong_token_is_said(home: Path, shelf: Path, influxdb: InfluxServer) -> None:
    wrong = influx_settings(influxdb.url, "wrong", "x")
    done = lautern("backup", "--data-dir", home, "--to", shelf, **wrong)
    assert_told(done, exit_codes.UNREACHABLE, "does not accept the token")
    assert nothing_but(shelf)


def test_an_absent_postgresql_is_said(home: Path, shelf: Path) -> None:
    away = f"postgresql://nobody:secret@127.0.0.1:{claim_port()}/none"
    done = lautern("backup", "--data-dir", home, "--to", shelf, LAUTERN_REGISTRY__URL=away)
    assert_told(done, exit_codes.UNREACHABLE, "registry")
    assert "secret" not in done.stderr
    assert nothing_but(shelf)


@pytest.mark.parametrize("kib", [100, 500])
def test_a_full_disk_is_said_and_nothing_is_left(home: Path, shelf: Path, kib: int) -> None:
    """A bound on the size of files stands for the disk: 100 KiB stop the copy, 500 the archive."""
    (home / "broker" / "devices.json").write_bytes(os.urandom(2**20))
    done = subprocess.run(
        ["bash", "-c", f'ulimit -f {kib}; exec "$@"', "-", sys.executable, "-m", "cli", "backup",
         "--data-dir", str(home), "--to", str(shelf)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert_told(done, exit_codes.FAILED, "The backup was not made")
    assert nothing_but(shelf)


def test_a_damaged_database_is_no_backup(home: Path, shelf: Path) -> None:
    path = home / "registry.db"
    content = bytearray(path.read_bytes())
    content[4096 * 10 : 4096 * 14] = os.urandom(4096 * 4)
    path.write_bytes(content)
    assert_told(lautern("backup", "--data-dir", home, "--to", shelf), exit_codes.FAILED, "registry.db is damaged")
    assert nothing_but(shelf)


@pytest.fixture
def large_home(home: Path) -> Path:
    """An installation whose telemetry takes a while."""
    with closing(sqlite3.connect(home / "telemetry.db")) as connection:
        connection.executescript("CREATE TABLE sample (x BLOB);")
        connection.executemany("INSERT INTO sample VALUES (?)", [(os.urandom(2**20),) for _ in range(150)])
        connection.commit()
    return home


def stopped(number: signal.Signals, when: Callable[[], bool], *arguments: object) -> "tuple[int, str]":
    """Run the command line and send it a signal at this moment; its exit code and output."""
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(when, timeout_s=30, what="the moment")
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said


def has_some(folder: Path, pattern: str) -> bool:
    return any(path.stat().st_size > 2**20 for path in folder.glob(pattern))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_is_stopped_leaves_nothing(large_home: Path, shelf: Path, number: signal.Signals) -> None:
    arguments = ("backup", "--data-dir", large_home, "--to", shelf)
    assert stopped(number, lambda: has_some(shelf, ".*.part"), *arguments) == (130, "")
    assert nothing_but(shelf)


def test_a_restore_that_is_stopped_leaves_an_empty_folder(large_home: Path, shelf: Path, tmp_path: Path) -> None:
    made = lautern("backup", "--data-dir", large_home, "--to", shelf / "a.tar")
    assert made.returncode == 0, made.stderr
    arguments = ("restore", shelf / "a.tar", "--data-dir", tmp_path / "new")
    code, _ = stopped(signal.SIGTERM, lambda: has_some(tmp_path, "new/.restoring/telemetry.db"), *arguments)
    assert code == 130
    assert nothing_but(tmp_path / "new", "lautern.lock")
    assert lautern(*arguments).returncode == 0


def test_a_folder_with_data_is_refused(archive: Path, home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    done = lautern("restore", archive, "--data-dir", home)
    assert_told(done, exit_codes.FAILED, "There are data where the archive should go; nothing was changed.", str(home))
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_a_registry_with_rows_is_refused(archive: Path, home: Path, tmp_path: Path) -> None:
    there = f"sqlite:///{home / 'registry.db'}"
    done = lautern("restore", archive, "--data-dir", tmp_path / "new", LAUTERN_REGISTRY__URL=there)
    assert_told(done, exit_codes.FAILED, "there is a registry at")
    assert nothing_but(tmp_path / "new", "lautern.lock")


def test_a_database_with_tables_is_refused(postgres_url: str, home: Path, shelf: Path, tmp_path: Path) -> None:
    assert lautern("migrate", "--data-dir", home, LAUTERN_REGISTRY__URL=postgres_url).returncode == 0
    made = lautern("backup", "--data-dir", home, "--to", shelf, LAUTERN_REGISTRY__URL=postgres_url)
    assert made.returncode == 0, made.stderr
    arguments = ("restore", made.stdout.strip(), "--data-dir", tmp_path / "new")
    assert_told(
        lautern(*arguments, LAUTERN_REGISTRY__URL=postgres_url),
        exit_codes.FAILED,
        "has tables: alarms, alembic_version",
    )
    # Without the environment the settings of the archive name SQLite, which it was not made of.
    assert_told(lautern(*arguments), exit_codes.FAILED, "its registry is kept in postgresql")
    assert nothing_but(tmp_path / "new", "lautern.lock")


def test_a_bucket_with_data_is_refused(
    home: Path, shelf: Path, tmp_path: Path, influxdb: InfluxServer, bucket_prefix: str
) -> None:
    store = influx_settings(influxdb.url, influxdb.token, bucket_prefix)
    influxdb.create_bucket(f"{bucket_prefix}_streetlight")
    made = lautern("backup", "--data-dir", home, "--to", shelf, **store)
    assert made.returncode == 0, made.stderr
    arguments = ("restore", made.stdout.strip(), "--data-dir", tmp_path / "new")
    assert_told(lautern(*arguments), exit_codes.FAILED, "its telemetry is kept in influxdb")
    line = b"telemetry,asset=a f=1"
    influxdb_write(influxdb, f"{bucket_prefix}_streetlight", line)
    assert_told(lautern(*arguments, **store), exit_codes.FAILED, f"hold data: {bucket_prefix}_streetlight")
    assert nothing_but(tmp_path / "new", "lautern.lock")


def influxdb_write(server: InfluxServer, bucket: str, line: bytes) -> None:
    done = subprocess.run(
        ["curl", "-fsS", "-H", f"Authorization: Token {server.token}", "--data-binary", line,
         f"{server.url}/api/v2/write?org={server.org}&bucket={bucket}"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: data[:-4000] + bytes(100) + data[-3900:], "damaged"),
        (lambda _: b"", "empty"),
    ],
    ids=["cut off", "zeros inside", "empty"],
)
def test_a_damaged_archive_is_refused_before_anything_is_made(
    archive: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], words: str
) -> None:
    archive.write_bytes(spoil(archive.read_bytes()))
    assert_told(lautern("restore", archive, "--data-dir", tmp_path / "new"), exit_codes.FAILED, words)
    assert_told(lautern("restore", archive, "--check"), exit_codes.FAILED, words)
    assert not (tmp_path / "new").exists()


def test_tables_of_a_newer_lautern_are_refused(tmp_path: Path) -> None:
    archive = make(tmp_path, registry=RegistrySource(kind="sqlite", revisions=["registry_0099"]))
    assert_told(lautern("restore", archive, "--check"), exit_codes.FAILED, "registry_0099", "restore with that version")


def test_checking_changes_nothing(archive: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = lautern("restore", "--check", archive)
    assert done.returncode == 0
    assert "every byte is as it was written" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert_told(lautern("restore", archive), exit_codes.USAGE, "--data-dir")


def test_settings_of_a_file_come_instead_of_the_archives(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('default_tenant = "enkenbach"\n[http]\nport = 8123\n')
    done = lautern("restore", archive, "--data-dir", tmp_path / "new", "--config", other)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "lautern.toml").read_text() == other.read_text()
    assert nothing_but(
        tmp_path / "new",
        *("audit.anchors", "audit.key", "broker", "lautern.lock", "lautern.toml", "registry.db", "secrets.key", "tls"),
    )
    assert lautern("key", "list", "--data-dir", tmp_path / "new").stdout.count("admin") == 1


def test_older_tables_are_brought_up_to_date(home: Path, shelf: Path) -> None:
    (home / "registry.db").unlink()
    engine = create_engine(f"sqlite:///{home / 'registry.db'}")
    with engine.begin() as connection:
        upgrade_tables(connection, ["registry_0001"])
        connection.exec_driver_sql("INSERT INTO revisions VALUES ('inventory', NULL, 41)")
    engine.dispose()
    made = lautern("backup", "--data-dir", home, "--to", shelf)
    assert made.returncode == 0, made.stderr
    done = lautern("restore", made.stdout.strip(), "--data-dir", shelf / "new")
    assert done.returncode == 0, done.stderr
    registry = open_registry(f"sqlite:///{shelf / 'new' / 'registry.db'}", migrate=False)
    with registry.read() as tx:
        assert tx.get(AssetRepository).revision() == 41
        assert tx.get(CursorPositions).get("effects/x") == 0
    registry.close()


def test_without_telemetry_the_samples_stay_behind(home: Path, shelf: Path) -> None:
    with closing(sqlite3.connect(home / "telemetry.db")) as connection:
        connection.executescript("CREATE TABLE sample (x BLOB);")
    done = lautern("backup", "--data-dir", home, "--to", shelf, "--without-telemetry")
    assert done.returncode == 0, done.stderr
    checked = lautern("restore", "--check", done.stdout.strip())
    assert "telemetry: none" in checked.stderr
    assert "not included: telemetry" in checked.stderr
    assert lautern("restore", done.stdout.strip(), "--data-dir", shelf / "new").returncode == 0
    assert not (shelf / "new" / "telemetry.db").exists()
