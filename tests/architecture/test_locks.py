"""The locks are complete, agree with each other and with pyproject.toml, and name no address."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)(?:\[[^]]*])?==(?P<version>[^ ;]+)", re.MULTILINE)


def _pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text()
    return {found["name"]: found["version"] for found in PINNED.finditer(text)}


def _required(requirements: list[str]) -> set[str]:
    names = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {name.group().lower().replace("_", "-").replace(".", "-") for name in names if name}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash=sha256:", ""), re.MULTILINE), "no options but hashes"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    pins = lock.read_text().split("\n    --hash=sha256:")
    assert len(pins) > len(_pins(lock.name)) > 0
    unhashed = re.findall(r"^[a-z0-9][^\n]*==[^\n\\]*$", lock.read_text(), re.MULTILINE)
    assert unhashed == []


def test_the_test_lock_runs_what_the_run_lock_runs() -> None:
    assert _pins("run.lock").items() <= _pins("test.lock").items()


def test_everything_declared_is_locked() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert _required(declared["project"]["dependencies"]) <= _pins("run.lock").keys()
    assert _required(declared["dependency-groups"]["test"]) <= _pins("test.lock").keys()
