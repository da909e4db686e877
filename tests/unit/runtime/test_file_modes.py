"""What others could read is found and closed; what is not ours to change is told."""

from pathlib import Path

import pytest

from runtime.file_modes import mend_modes, modes_sentence, open_files
from runtime.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """As an administrator makes it, under the umask of most systems."""
    home = tmp_path / "home"
    (home / "broker" / "store").mkdir(parents=True)
    for name in ("registry.db", "lautern.toml", "broker/callout.key", "broker/store/deep"):
        (home / name).write_text("secret")
        (home / name).chmod(0o644)
    for folder in (home, home / "broker", home / "broker" / "store"):
        folder.chmod(0o755)
    return home


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_open_is_closed_and_named(home: Path) -> None:
    settings = Settings(data_dir=home)
    assert {one.path for one in open_files(settings)} >= {home, home / "registry.db", home / "broker" / "callout.key"}
    said = modes_sentence(mend_modes(settings))
    assert "closed to them now" in said
    assert str(home) in said
    assert (mode(home), mode(home / "registry.db"), mode(home / "broker")) == (0o700, 0o600, 0o700)
    assert modes_sentence(mend_modes(settings)) == ""
    assert open_files(settings) == []


def test_links_are_not_followed(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    other.chmod(0o644)
    (home / "link").symlink_to(other)
    mend_modes(Settings(data_dir=home))
    assert mode(other) == 0o644


def test_a_key_that_the_settings_keep_elsewhere_is_told_and_left(home: Path, tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    key.write_text("x")
    key.chmod(0o644)
    settings = Settings.model_validate({"data_dir": home, "audit": {"key_file": key}})
    mend_modes(settings)
    (found,) = mend_modes(settings)
    assert found.path == key
    assert "chmod go=" in modes_sentence([found])
    assert mode(key) == 0o644


def test_what_cannot_be_closed_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: int, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(1, "Operation not permitted", str(self))

    monkeypatch.setattr(Path, "chmod", refuse)
    said = modes_sentence(mend_modes(Settings(data_dir=home)))
    assert "Operation not permitted" in said
    assert "can read or change" in said
