"""The gateway, or its receiver, killed at random times under load: what was sent is stored, each once."""

import os
import random
import secrets
import signal
import time
from pathlib import Path

import pytest

from tests.faults.publishing import LONG, assert_each_stored_once, publishing
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running

KILLS = 30 if LONG else 5
RATE = 1000 if LONG else 700
READY_S = 10
pytestmark = pytest.mark.timeout(900 if LONG else 150)


@pytest.mark.parametrize("parts", ["nats-sqlite", "mosquitto-influxdb"])
def test_killed_at_random_times_each_message_is_stored_once(
    request: pytest.FixtureRequest, tmp_path: Path, parts: str
) -> None:
    broker_name, _, store = parts.partition("-")
    influx = request.getfixturevalue("influxdb") if store == "influxdb" else None
    chance = random.Random(secrets.randbits(32))
    ready_s = []
    with running(tmp_path, request.getfixturevalue(broker_name), influx, f"t{secrets.token_hex(6)}") as town:
        with publishing(town, RATE) as fleet:
            for number in range(KILLS):
                time.sleep(chance.uniform(0.2, 2.5))
                _kill(town, ("gateway", "receiver", "while it starts")[number % 3], chance)
                began = time.monotonic()
                town.start_gateway()
                ready_s.append(time.monotonic() - began)
        line = assert_each_stored_once(town, fleet, timeout_s=90)
    print(f"\n{parts}: {fleet.number} messages, {KILLS} kills, {line['duplicate']} came twice, "  # noqa: T201 - the figure is the point
          f"ready again after {sorted(ready_s)[KILLS // 2]:.1f} s, at most {max(ready_s):.1f} s")  # fmt: skip
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
