"""Each part broken for real: `/readyz` turns 503 with the right sentence within 60 s, and 200 again once healed."""

import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer, Token
from tests.real_parts.small_disk import require_small, small_disk
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Installation, running

WITHIN_S = 60
JOURNAL_MB = 16
NOTE_BYTES = 60_000
DISK_MB = 220
"""Beyond the journal's reserve of 64 MB there is room for what the test writes."""
pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def token(influxdb: InfluxServer) -> Token:
    return influxdb.create_token("read", "write")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own, where the system lets us mount one; else a folder."""
    with small_disk(tmp_path_factory.mktemp("disk"), DISK_MB) as folder:
        yield folder


@pytest.fixture(scope="module")
def city(mosquitto: Broker, influxdb: InfluxServer, token: Token, disk: Path) -> Iterator[Installation]:
    """One installation for all; each test leaves it whole."""
    seen_by_us = replace(influxdb, token=token.text)
    with running(disk / "data", mosquitto, seen_by_us, f"t{secrets.token_hex(6)}") as town:
        yield town


@pytest.fixture
def town(city: Installation) -> Installation:
    wait_until(lambda: _readyz(city)[0] == 200, timeout_s=30, what="ready before the fault")
    return city


def _readyz(town: Installation) -> tuple[int, dict[str, Any]]:
    return town.rest.call("GET", "/readyz")


@contextmanager
def seen(town: Installation, *faults: SystemFault) -> Iterator[None]:
    """What the block breaks is named, as one of these, within 60 s."""
    began = time.monotonic()
    yield
    sentences = [SENTENCES[fault].text() for fault in faults]
    fault = " or ".join(faults)
    status, answer = _readyz(town)

    def named() -> bool:
        nonlocal status, answer
        status, answer = _readyz(town)
        return any(sentence in answer["summary"] for sentence in sentences)

    try:
        wait_until(named, timeout_s=WITHIN_S)
    except AssertionError:
        raise AssertionError(f"{fault} is not named: {answer}") from None
    assert (status, answer["ready"]) == (503, False), answer
    print(f"\n{fault} named after {time.monotonic() - began:.1f} s")  # noqa: T201 - the figure is the point


def healed(town: Installation) -> None:
    began = time.monotonic()
    wait_until(lambda: _readyz(town)[1]["summary"] == "Everything works.", timeout_s=WITHIN_S, what="ready again")
    print(f"ready again after {time.monotonic() - began:.1f} s")  # noqa: T201


@pytest.mark.skipif(not LONG, reason="takes a minute and a half; LAUTERN_TEST_LONG=1 runs it")
def test_broker_and_store_frozen(town: Installation, influxdb: InfluxServer) -> None:
    """Nobody refuses a connection: time-outs and the canary notice."""
    with town.broker.server.paused(), seen(town, SystemFault.CANARY_LOST, SystemFault.BROKER_AWAY):
        pass
    healed(town)
    with influxdb.server.paused(), seen(town, SystemFault.STORE_AWAY):
        pass
    healed(town)


def test_broker_away(town: Installation) -> None:
    with seen(town, SystemFault.BROKER_AWAY):
        town.broker.kill()
    town.broker.start()
    healed(town)


def test_store_away(town: Installation, influxdb: InfluxServer) -> None:
    with seen(town, SystemFault.STORE_AWAY):
        influxdb.server.kill()
    influxdb.server.start()
    healed(town)


def test_token_revoked(town: Installation, influxdb: InfluxServer, token: Token) -> None:
    with seen(town, SystemFault.STORE_TOKEN):
        influxdb.set_active(token, active=False)
    assert SENTENCES[SystemFault.STORE_TOKEN].text() in _doctor(town).stdout
    influxdb.set_active(token, active=True)
    healed(town)


def test_token_that_may_only_read(town: Installation, influxdb: InfluxServer) -> None:
    good = town.influx
    town.influx = replace(influxdb, token=influxdb.create_token("read").text)
    with seen(town, SystemFault.STORE_FORBIDDEN):
        town.write_settings()
        town.restart_gateway()
    doctor = _doctor(town)
    assert doctor.returncode == 1, doctor.stderr
    assert doctor.stdout.count(SENTENCES[SystemFault.STORE_FORBIDDEN].text()) == 2, (
        "once found out, once told by the gateway"
    )
    town.influx = good
    town.write_settings()
    town.restart_gateway()
    healed(town)
    assert "BAD  store" not in _doctor(town).stdout


def _doctor(town: Installation) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli.doctor", "--data-dir", str(town.folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_journal_full(town: Installation, influxdb: InfluxServer) -> None:
    town.write_settings(telemetry_journal_mb=JOURNAL_MB)
    town.restart_gateway()
    influxdb.server.kill()
    with publishing(town, 150, lamps=20, note="x" * NOTE_BYTES):
        wait_until(
            lambda: _part(town, "journal/telemetry") == SystemFault.JOURNAL_FULL, timeout_s=WITHIN_S, what="it is full"
        )
    status, answer = _readyz(town)
    assert status == 503
    assert answer["summary"] == SENTENCES[SystemFault.STORE_AWAY].text(), "the cause, not what follows from it"
    influxdb.server.start()
    healed(town)
    town.write_settings()
    town.restart_gateway()


def _part(town: Installation, name: str) -> str | None:
    return next((p["fault"] for p in _readyz(town)[1]["parts"] if p["part"] == name), None)


def test_disk_full(town: Installation, disk: Path) -> None:
    require_small(disk)
    filler = disk / "filler"
    with seen(town, SystemFault.DISK_FULL):
        filler.write_bytes(bytes((DISK_MB - 50) * 2**20 - _used(disk)))
    filler.unlink()
    healed(town)


def _used(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def test_registry_that_cannot_be_written(town: Installation) -> None:
    with closing(sqlite3.connect(town.folder / "registry.db", isolation_level=None, timeout=0)) as other:
        with seen(town, SystemFault.REGISTRY_READ_ONLY):
            wait_until(lambda: _locked(town, other), timeout_s=WITHIN_S, what="the registry's lock")
        other.execute("ROLLBACK")
    healed(town)


def _locked(town: Installation, other: sqlite3.Connection) -> bool:
    """The gateway writes again and again: who only waits for its lock may wait for ever."""
    with town.gateway.paused():
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


def test_second_gateway_and_a_frozen_first_one(town: Installation) -> None:
    with seen(town, SystemFault.SECOND_GATEWAY):
        command = [sys.executable, "-m", "runtime.gateway_role", "--data-dir", str(town.folder)]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=40, check=False).returncode == 4
    pid = town.gateway.pid
    with seen(town, SystemFault.GATEWAY_DEAD):
        town.gateway.send(signal.SIGSTOP)
    town.gateway.send(signal.SIGCONT)
    healed(town)
    assert town.gateway.running()
    assert town.gateway.pid == pid
    assert not town.said('"hangs"'), "who was frozen does not take others for hanging"


def test_gateway_dead(town: Installation) -> None:
    with seen(town, SystemFault.GATEWAY_DEAD):
        town.gateway.kill()
    town.start_gateway()
    healed(town)
