"""The command line is quick, complete, and imports no role."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.__main__ import VERBS
from runtime.version import VERSION

HEAVY = ("fastapi", "sqlalchemy", "paho", "influxdb_client", "pydantic", "structlog", "alembic", "nats")


def test_help_names_every_verb() -> None:
    done = subprocess.run([sys.executable, "-m", "runtime", "--help"], capture_output=True, text=True, check=True)
    assert [verb for verb in (*VERBS, "version") if f"  {verb} " not in done.stdout] == []
    assert "Examples:" in done.stdout


def test_nothing_heavy_is_imported() -> None:
    program = f"import sys, runtime.__main__; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [module for module, _ in VERBS.values()])
def test_every_verb_has_its_program(module: str) -> None:
    assert find_spec(module) is not None


def test_version_is_printed() -> None:
    done = subprocess.run([sys.executable, "-m", "runtime", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"lautern {VERSION}\n"


def test_an_unknown_verb_is_wrong_usage() -> None:
    done = subprocess.run([sys.executable, "-m", "runtime", "dnace"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_wrong_settings_are_wrong_usage_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "lautern.toml").write_text("[http]\nprot = 1\n")
    command = [sys.executable, "-m", "runtime", "up", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("lautern: The settings do not fit.")
    assert "http.prot" in done.stderr
    assert done.stderr.count("\n") == 1
