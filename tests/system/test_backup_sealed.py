"""A sealed backup is opened by one of the keys it is sealed to, by age's own tools, and by nobody else."""

from pathlib import Path

import pyrage
import pytest

from tests.system.test_backup import lautern

pytestmark = pytest.mark.timeout(120)


def _new_key(path: Path) -> str:
    done = lautern("backup", "--new-key", path)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    return done.stdout.split('"')[1]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backup, sealed to `brigade.key` and `safe.key`; `other.key` is nobody's."""
    folder = tmp_path_factory.mktemp("sealed")
    keys = {name: _new_key(folder / f"{name}.key") for name in ("brigade", "safe", "other")}
    home = folder / "home"
    assert lautern("init", "--data-dir", home).returncode == 0
    with (home / "lautern.toml").open("a") as settings:
        settings.write(f'\n[backup]\nrecipients = ["{keys["brigade"]}", "{keys["safe"]}"]\n')
    done = lautern("backup", "--data-dir", home, "--to", folder)
    assert done.returncode == 0, done.stderr
    assert "not sealed" not in done.stderr
    assert done.stdout.strip().endswith(".tar.gz.age")
    Path(done.stdout.strip()).rename(folder / "backup.tar.gz.age")
    return folder


def test_nothing_can_be_read_without_a_key(sealed: Path) -> None:
    content = (sealed / "backup.tar.gz.age").read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    assert b"lautern" not in content
    done = lautern("restore", "--check", sealed / "backup.tar.gz.age")
    assert (done.returncode, "--identity" in done.stderr) == (1, True)
    done = lautern("restore", "--check", sealed / "backup.tar.gz.age", "--identity", sealed / "other.key")
    assert (done.returncode, "cannot be opened with this key" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("key", ["brigade", "safe"])
def test_each_key_restores_it(sealed: Path, key: str, tmp_path: Path) -> None:
    archive, identity = sealed / "backup.tar.gz.age", sealed / f"{key}.key"
    arguments = ("restore", archive, "--data-dir", tmp_path / "new", "--identity", identity)
    refused = lautern(*arguments)
    assert (refused.returncode, "backup.recipients" in refused.stderr) == (2, True), "who opens later ones is confirmed"
    done = lautern(*arguments, "--trust-settings")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "registry.db").exists()
    text = identity.read_text()
    secret = next(line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-"))
    assert secret not in done.stdout + done.stderr
    opened = pyrage.decrypt(archive.read_bytes(), [pyrage.x25519.Identity.from_str(secret)])
    assert opened.startswith(b"\x1f\x8b")


def test_an_altered_one_is_refused(sealed: Path, tmp_path: Path) -> None:
    content = bytearray((sealed / "backup.tar.gz.age").read_bytes())
    content[-100] ^= 1
    altered = tmp_path / "altered.age"
    altered.write_bytes(content)
    done = lautern("restore", "--check", altered, "--identity", sealed / "brigade.key")
    assert done.returncode == 1
    assert "altered" in done.stderr or "damaged" in done.stderr


def test_a_file_without_a_key_is_said_and_not_shown(sealed: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("AGE-SECRET-KEY-1CANARYCANARY\n")
    done = lautern("restore", "--check", sealed / "backup.tar.gz.age", "--identity", wrong)
    assert done.returncode == 2
    assert "CANARY" not in done.stderr
