"""F07: InfluxDB away under load: nothing lost, memory flat, lamps still obey, drained faster than it arrived."""

import secrets
import time
from pathlib import Path
from statistics import quantiles

import pytest

from benchmarks.parts.cost import pss_mb
from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running
from tests.system.lamps import Lamps

AWAY_S = 1800 if LONG else 20
RATE = 1000 if LONG else 500
WARM_S = 240 if LONG else 5
"""Until the databases' caches, which are bounded, are full: that takes memory without any outage."""
GROWTH = 1.1 if LONG else 1.3
pytestmark = pytest.mark.timeout(AWAY_S * 2 + WARM_S * 2 + 130)


def test_store_away_loses_nothing_and_disturbs_no_command(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path, report: Report
) -> None:
    with running(tmp_path, mosquitto, influxdb, f"t{secrets.token_hex(6)}") as town:
        lamp = f"t{secrets.token_hex(6)}"
        town.register("kl", [lamp])
        with publishing(town, RATE) as fleet, Lamps(mosquitto, [lamp]):
            town.wait_ledger("streetlight", WARM_S * RATE, timeout_s=2 * WARM_S + 20)
            before_mb = pss_mb(town.gateway.pid)
            took_s: list[float] = []
            with influxdb.server.paused():
                highest_mb = _look_on(town, lamp, AWAY_S / 2, took_s)
                influxdb.server.kill()
            highest_mb = max(highest_mb, _look_on(town, lamp, AWAY_S / 2, took_s))
            waiting = town.rest.ledger("streetlight", "samples")["in_journal"]
            influxdb.server.start()
            drained_s, arrived, draining_mb = _drained(town)
        account = assert_each_stored_once(town, fleet, others=len(took_s))
    p95_s, factor = quantiles(took_s, n=20)[-1], (waiting + arrived) / drained_s / RATE
    report(
        "F07", f"InfluxDB away {AWAY_S} s at {RATE}/s, half frozen, half gone", "mosquitto-influxdb", account,
        waited=waiting, drained_at_times_the_rate=round(factor, 1), pss_before_mb=round(before_mb),
        pss_at_most_mb=round(highest_mb), pss_draining_mb=round(draining_mb),
        dim_p95_s=round(p95_s, 2),
    )  # fmt: skip
    assert waiting > 0.8 * RATE * AWAY_S, "the outage took place"
    assert highest_mb < before_mb * GROWTH
    assert factor > 1
    assert p95_s < 1


def _look_on(town: Installation, lamp: str, for_s: float, took_s: list[float]) -> float:
    """Command the lamp again and again; returns the highest memory of the gateway, MB."""
    highest_mb, until = 0.0, time.monotonic() + for_s
    while time.monotonic() < until:
        took_s.append(_dimmed_s(town, lamp))
        highest_mb = max(highest_mb, pss_mb(town.gateway.pid))
        time.sleep(0.5)
    return highest_mb


def _dimmed_s(town: Installation, lamp: str) -> float:
    """Seconds until a command over REST was applied by the lamp."""
    began = time.monotonic()
    body = {"name": "dim", "arguments": {"level_pct": 30}}
    _, answer = town.rest.call("POST", f"/devices/{lamp}/commands?wait=applied&timeout=10", body)
    if answer["delivery"] != "applied":
        where = f"/commands/{answer['id']}"
        wait_until(lambda: town.rest.get(where)["delivery"] == "applied", timeout_s=60, what="the command is applied")
    return time.monotonic() - began


def _drained(town: Installation) -> tuple[float, int, float]:
    """Seconds until nothing older than a second waits, how many messages arrived meanwhile, and the highest memory."""
    began, first = time.monotonic(), town.rest.ledger("streetlight")["received"]
    highest_mb = 0.0

    def drained() -> bool:
        nonlocal highest_mb
        highest_mb = max(highest_mb, pss_mb(town.gateway.pid))
        return bool(town.rest.ledger("streetlight")["in_journal"] < RATE)

    wait_until(drained, timeout_s=AWAY_S + 60, what="drained")
    return time.monotonic() - began, town.rest.ledger("streetlight")["received"] - first, highest_mb
