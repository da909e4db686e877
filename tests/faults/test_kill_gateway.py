"""F01: the gateway, or its receiver, killed at named points and at random times under load: stored once, each."""

import os
import random
import secrets
import signal
import time
from pathlib import Path
from statistics import median

import pytest

from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.points import Points, faulty_build
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running

KILLS = 200 if LONG else 4
RATE = 1000 if LONG else 700
READY_S = 10
KILL_POINTS = (
    "journal.before_commit",
    "journal.after_commit",
    "acknowledge.after",
    "identity.before_commit",
    "effects.before",
    "effects.before_commit",
    "effects.after_commit",
    "store.before_write",
    "store.after_write",
    "release",
)


@pytest.fixture(params=["nats-sqlite", "mosquitto-influxdb"])
def parts(request: pytest.FixtureRequest) -> tuple[str, Broker, InfluxServer | None]:
    """A broker and a store."""
    broker_name, _, store = request.param.partition("-")
    influx = request.getfixturevalue("influxdb") if store == "influxdb" else None
    return request.param, request.getfixturevalue(broker_name), influx


@pytest.mark.timeout(180)
def test_killed_at_each_point_each_message_is_stored_once(
    parts: tuple[str, Broker, InfluxServer | None], tmp_path: Path, report: Report
) -> None:
    name, broker, influx = parts
    with running(tmp_path, broker, influx, f"t{secrets.token_hex(6)}", faulty_build(tmp_path)) as town:
        points = Points(tmp_path)
        with publishing(town, RATE) as fleet:
            for point in KILL_POINTS:
                with points.armed(point, "kill", nth=3):
                    wait_until(lambda: not town.gateway.running(), timeout_s=40, what="the gateway ends")
                town.start_gateway()
        account = assert_each_stored_once(town, fleet, timeout_s=90)
    report("F01", f"gateway killed at {len(KILL_POINTS)} named points", name, account)


@pytest.mark.timeout(1800 if LONG else 150)
def test_killed_at_random_times_each_message_is_stored_once(
    parts: tuple[str, Broker, InfluxServer | None], tmp_path: Path, chance: random.Random, report: Report
) -> None:
    name, broker, influx = parts
    ready_s = []
    with running(tmp_path, broker, influx, f"t{secrets.token_hex(6)}") as town:
        with publishing(town, RATE) as fleet:
            for number in range(KILLS):
                time.sleep(chance.uniform(0.2, 2.0))
                _kill(town, ("gateway", "receiver", "while it starts")[number % 3], chance)
                began = time.monotonic()
                town.start_gateway()
                ready_s.append(time.monotonic() - began)
        account = assert_each_stored_once(town, fleet, timeout_s=120)
    report(
        "F01", f"{KILLS} kills at random times", name, account,
        ready_again_s=round(median(ready_s), 1), ready_again_at_most_s=round(max(ready_s), 1),
    )  # fmt: skip
    assert max(ready_s) <= READY_S


def _kill(town: Installation, what: str, chance: random.Random) -> None:
    """Kill, and prove that it took place."""
    if what == "while it starts":
        town.gateway.kill()
        town.start_gateway(wait=False)
        time.sleep(chance.uniform(0.1, 3))
    if what == "receiver":
        receiver = town.receiver_pid()
        os.kill(receiver, signal.SIGKILL)
        wait_until(lambda: not town.gateway.running(), timeout_s=30, what="the gateway ends without its receiver")
        assert not Path(f"/proc/{receiver}").exists()
        assert town.said("gateway_part_died")
        return
    assert town.gateway.running()
    town.gateway.kill()
    assert not town.gateway.running()
