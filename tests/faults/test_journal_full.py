"""F11: the journal at its bound: nothing more is acknowledged, nothing is lost, and it goes on when there is room."""

import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation

BOUND_MB = 16
NOTE_BYTES = 60_000
FULL_FOR_S = 150 if LONG else 5
"""Longer than it takes a broker, or us, to give up a connection that is not read."""
pytestmark = pytest.mark.timeout(400 if LONG else 150)


def test_full_journal_stops_and_goes_on_without_loss(
    broker: Broker, influxdb: InfluxServer, tmp_path: Path, report: Report
) -> None:
    town = Installation(tmp_path, broker, influxdb, f"t{secrets.token_hex(6)}")
    town.write_settings(telemetry_journal_mb=BOUND_MB)
    try:
        town.start()
        with influxdb.server.paused():
            # More than journal and inbox hold together: the rest waits at the broker.
            with publishing(town, 150, lamps=20, note="x" * NOTE_BYTES) as fleet:
                wait_until(lambda: town.said("journal_stopped"), timeout_s=60, what="the journal is full")
                wait_until(lambda: fleet.number * NOTE_BYTES > 60 * 2**20, timeout_s=60, what="more than fits")
            time.sleep(FULL_FOR_S)
            held = _beat(town, "journal/telemetry")
            assert not held["ok"]
            assert _file_mb(town) < BOUND_MB * 1.5
            assert town.gateway.running()
        account = assert_each_stored_once(town, fleet, timeout_s=120)
        report("F11", "journal at its bound, then emptied", f"{broker.name}-influxdb", account)
        wait_until(lambda: _beat(town, "journal/telemetry")["ok"], timeout_s=30, what="room in the journal")
    finally:
        town.stop()


def _beat(town: Installation, part: str) -> dict[str, Any]:
    _, readiness = town.rest.call("GET", "/readyz")
    return next(x for x in readiness["parts"] if x["part"] == part)


def _file_mb(town: Installation) -> float:
    return sum(f.stat().st_size for f in town.folder.glob("journal-telemetry.db*")) / 2**20
