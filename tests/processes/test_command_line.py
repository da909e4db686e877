"""The command line is quick, complete, and imports no role."""

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.__main__ import VERBS
from runtime.version import VERSION

HEAVY = ("fastapi", "sqlalchemy", "paho", "influxdb_client", "pydantic", "structlog", "alembic", "nats")


def test_help_names_every_verb() -> None:
    done = subprocess.run([sys.executable, "-m", "cli", "--help"], capture_output=True, text=True, check=True)
    assert [verb for verb in (*VERBS, "version") if f"  {verb} " not in done.stdout] == []
    assert "Examples:" in done.stdout


def test_nothing_heavy_is_imported() -> None:
    program = f"import sys, cli.__main__; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [module for module, _ in VERBS.values()])
def test_every_verb_has_its_program(module: str) -> None:
    assert find_spec(module) is not None


def test_version_is_printed() -> None:
    done = subprocess.run([sys.executable, "-m", "cli", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"lautern {VERSION}\n"


def test_an_unknown_verb_is_wrong_usage() -> None:
    done = subprocess.run([sys.executable, "-m", "cli", "dnace"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_wrong_settings_are_wrong_usage_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "lautern.toml").write_text("[http]\nprot = 1\n")
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("lautern: The settings do not fit.")
    assert "http.prot" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("setting", ["broker.url", "http.port", "gateway.metrics_port"])
def test_a_port_that_is_taken_is_refused_by_its_setting(setting: str, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        value = f"mqtt://127.0.0.1:{port}" if setting == "broker.url" else str(port)
        given = {f"LAUTERN_{setting.upper().replace('.', '__')}": value}
        command = [sys.executable, "-m", "cli", "up", "--data-dir", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **given}, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().rpartition("\n")[2]
    assert last == (
        f"lautern: Another program listens on this port. (127.0.0.1:{port}): end it, or set another port ({setting})"
    )


def completed(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    given = {"_LAUTERN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "cli"], capture_output=True, text=True, env={**os.environ, **given}, check=False
    )
    return done.stdout.split()


def test_verbs_and_what_follows_them_are_completed() -> None:
    assert completed("lautern dev") == ["device"]
    assert completed("lautern user e") == ["enable", "export", "erase"]
    assert completed("lautern command list --del") == ["--delivery"]


def test_fish_is_told_what_follows_a_verb_too() -> None:
    given = {
        "_LAUTERN_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "lautern alarm sh",
    }
    done = subprocess.run(
        [sys.executable, "-m", "cli"], capture_output=True, text=True, env={**os.environ, **given}, check=False
    )
    assert done.stdout.startswith("shelve\t")


@pytest.mark.parametrize("verb", ["", *(verb for verb, (module, _) in VERBS.items() if "remote" in module)])
def test_help_loads_little(verb: str) -> None:
    """Nobody waits for help: what takes its time is what it imports."""
    arguments = ["-X", "importtime", "-m", "cli", *([verb] if verb else []), "--help"]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    assert "Example" in done.stdout or "Commands:" in done.stdout
    assert len(done.stderr.splitlines()) < 350


@pytest.mark.parametrize("module", [module for module, _ in VERBS.values() if "remote" in module])
def test_what_speaks_to_an_api_loads_none(module: str) -> None:
    program = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
