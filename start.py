#!/usr/bin/env python3
"""The one command: makes .venv, installs the locked packages, starts Lautern. Standard library only.

python3 start.py            a demo city: broker, simulators, web pages (options are passed on: --fresh, --port …)
python3 start.py test       all tests that this machine can run, and which it cannot
python3 start.py check      style, types, architecture
python3 start.py doctor     what is here and what is missing
python3 start.py VERB …     the same as .venv/bin/lautern VERB …
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("Lautern needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info[:2]))

import hashlib
import importlib.util
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sysconfig
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed-locks.json"
# A test installation holds the run lock too, with the same versions.
LOCKS = {"run": ["run"], "test": ["test", "run"]}
SCRIPTS = ("test", "check")

LAUNCHER = """\
#!{python}
import sys

from cli.__main__ import main

sys.exit(main())
"""

# What pip says, and what that means to the one who reads it.
PIP_FAILURES = (
    (("No space left on device",), "The disk is full; about 400 MB are needed in {root} and in the temporary folder."),
    (
        ("connection broken", "ConnectionError", "name resolution", "Could not fetch", "timed out"),
        "The package index was not reached. Behind a proxy set HTTPS_PROXY; for an own mirror set PIP_INDEX_URL.",
    ),
    (
        ("DO NOT MATCH THE HASHES", "HASHES are required"),
        "A package is not the one that was locked; nothing was started. Try again after: pip cache purge",
    ),
    (
        ("No matching distribution", "not a supported wheel"),
        "A package is missing for this Python or processor ({platform}, Python {python}).",
    ),
)


def main(arguments: list[str]) -> None:
    """Do what the first argument says; without one, the demo."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return
    names_a_verb = arguments and not arguments[0].startswith("-")
    verb, *rest = arguments if names_a_verb else ["demo", *arguments]
    if verb == "doctor":
        doctor()
    elif verb in SCRIPTS:
        os.execv(sys.executable, [sys.executable, str(ROOT / verb), *rest])
    else:
        python = environment("run")
        os.chdir(ROOT)
        os.execv(python, [str(python), "-m", "cli", verb, *rest])


def environment(lock: str) -> Path:
    """Make .venv hold what the lock names; returns its Python. Does nothing when it does already."""
    installed = _installed()
    place = {"place": str(ROOT)}
    # A virtual environment names its own folder: a moved one is made anew.
    ours = installed.get("place") == str(ROOT) and _works(PYTHON)
    if ours and installed.get(lock) == _fingerprint(lock):
        return PYTHON
    if not ours:
        _make_venv()
    STAMP.write_text(json.dumps(place))
    _install(ROOT / "requirements" / f"{lock}.lock")
    _make_importable()
    STAMP.write_text(json.dumps(place | {name: _fingerprint(name) for name in LOCKS[lock]}))
    return PYTHON


def _installed() -> dict[str, str]:
    """Where .venv was made, and the fingerprint of each lock that is wholly installed in it."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp


def _fingerprint(lock: str) -> str:
    return hashlib.sha256((ROOT / "requirements" / f"{lock}.lock").read_bytes()).hexdigest()


def _works(python: Path) -> bool:
    return python.exists() and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def _make_venv() -> None:
    with_pip = importlib.util.find_spec("ensurepip") is not None
    if not with_pip and importlib.util.find_spec("pip") is None:
        _give_up("This Python has neither ensurepip nor pip. On Debian and Ubuntu:  sudo apt install python3-venv")
    _say(f"making {VENV}")
    command = [sys.executable, "-m", "venv", "--clear", *([] if with_pip else ["--without-pip"]), str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        _give_up(f"The virtual environment could not be made:\n{done.stdout}{done.stderr}")


def _install(lock: Path) -> None:
    count = sum("==" in line for line in lock.read_text().splitlines())
    _say(f"installing {count} packages from {lock.relative_to(ROOT)}, hashes checked (half a minute the first time)")
    inside = [str(PYTHON), "-m", "pip"]
    pip = inside if _has_pip() else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    command = [*pip, "install", *options, "--require-hashes", "-r", str(lock)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        _give_up(_explain(done.stdout))


def _has_pip() -> bool:
    return subprocess.run([PYTHON, "-c", "import pip"], capture_output=True, check=False).returncode == 0


def _explain(output: str) -> str:
    last_lines = "\n".join(output.strip().splitlines()[-12:])
    for signs, meaning in PIP_FAILURES:
        if any(sign in output for sign in signs):
            words = {"root": ROOT, "platform": sysconfig.get_platform(), "python": sys.version.split()[0]}
            return f"{meaning.format(**words)}\n\npip said:\n{last_lines}"
    return f"The packages could not be installed. pip said:\n{last_lines}"


def _make_importable() -> None:
    """Let .venv import the packages of this folder, and give it the command `lautern`."""
    (site_packages,) = VENV.glob("lib/python3*/site-packages")
    (site_packages / "lautern.pth").write_text(f"{ROOT}\n")
    launcher = VENV / "bin" / "lautern"
    launcher.write_text(LAUNCHER.format(python=PYTHON))
    launcher.chmod(0o755)


def doctor() -> None:
    """Print what is here and what is missing; changes nothing."""
    sqlite_note = "" if sqlite3.sqlite_version_info >= (3, 51, 3) else " (before 3.51.3: one writer per file, as we do)"
    _row("Python", f"{sys.version.split()[0]}  {sys.executable}")
    _row("SQLite", f"{sqlite3.sqlite_version}{sqlite_note}")
    _row("disk", f"{shutil.disk_usage(ROOT).free // 10**9} GB free in {ROOT}")
    _row(".venv", _venv_state())
    for program, use in (
        ("mosquitto", "another broker for tests: apt install mosquitto"),
        ("postgres", "registry on PostgreSQL, tests: apt install postgresql"),
        ("influxd", "InfluxDB 2, tests: .ci/influxdb/build-influxd"),
        ("chromium", "browser tests: apt install chromium"),
        ("node", "checks and tests of the pages' code: apt install nodejs npm"),
        ("telegraf", "network devices by SNMP: optional"),
    ):
        _row(program, _find(program) or f"missing, not needed for the demo ({use})")
    for port, use in ((8000, "web pages and API"), (1883, "MQTT"), (8086, "InfluxDB"), (5432, "PostgreSQL")):
        _row(f"port {port}", f"{'in use' if _in_use(port) else 'free'}  ({use})")


def _venv_state() -> str:
    installed = _installed()
    if not installed:
        return "not made yet: python3 start.py makes it"
    current = [name for name in LOCKS if installed.get(name) == _fingerprint(name)]
    return f"up to date for: {', '.join(current)}" if current else "out of date: the next start updates it"


def _find(program: str) -> str | None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folders = [Path("/usr/sbin"), *Path("/usr/lib/postgresql").glob("*/bin"), cache / "lautern" / "influxdb-2.9.1"]
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    named = os.environ.get("LAUTERN_TEST_INFLUXD") if program == "influxd" else None
    return shutil.which(named or program, path=path)


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _row(name: str, value: str) -> None:
    print(f"  {name:<11} {value}")


def _say(text: str) -> None:
    print(f"lautern: {text}", flush=True)


def _give_up(text: str) -> NoReturn:
    sys.exit(f"lautern: {text}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as problem:
        _give_up(str(problem))
