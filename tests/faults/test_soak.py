"""F24: an hour of load with a random fault each minute: nothing lost, memory, descriptors and threads as before."""

import os
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from statistics import linear_regression, mean

import pytest

from benchmarks.parts.cost import open_things, pss_mb
from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.publishing import publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.system.installation import Installation, running

MINUTES = int(os.environ.get("LAUTERN_TEST_SOAK_MINUTES", "0"))
RATE = 200
PAUSE_S = 20


@pytest.mark.skipif(not MINUTES, reason="by hand: LAUTERN_TEST_SOAK_MINUTES=60")
@pytest.mark.timeout(MINUTES * 60 + 600)
def test_hour_of_random_faults(
    nats: Broker, influxdb: InfluxServer, tmp_path: Path, chance: random.Random, report: Report
) -> None:
    counts: dict[str, int] = {}
    looks: list[tuple[float, int, int]] = []
    with running(tmp_path, nats, influxdb, f"t{secrets.token_hex(6)}") as town:
        faults = _faults(town, influxdb, chance)
        with publishing(town, RATE) as fleet:
            until = time.monotonic() + MINUTES * 60
            while time.monotonic() < until:
                name = chance.choice(list(faults))
                faults[name]()
                counts[name] = counts.get(name, 0) + 1
                time.sleep(60 - PAUSE_S)
                looks.append(_look(town))
        account = assert_each_stored_once(town, fleet, timeout_s=180)
    settled = looks[len(looks) // 4 :]
    slope, _ = linear_regression(range(len(settled)), [mb for mb, _, _ in settled])
    said = ", ".join(f"{name}: {count}" for name, count in counts.items())
    descriptors, threads = ({look[place] for look in settled} for place in (1, 2))
    report(
        "F24", f"{MINUTES} minutes with a random fault each minute ({said})", "nats-influxdb", account,
        pss_mb=round(mean(mb for mb, _, _ in settled)), slope_mb_per_hour=round(slope * 60, 1),
        descriptors=f"{min(descriptors)} to {max(descriptors)}", threads=f"{min(threads)} to {max(threads)}",
    )  # fmt: skip


def _faults(town: Installation, influx: InfluxServer, chance: random.Random) -> dict[str, Callable[[], None]]:
    def kill_gateway() -> None:
        town.gateway.kill()
        time.sleep(chance.uniform(0, PAUSE_S / 2))
        town.start_gateway()

    def stop_gateway() -> None:
        town.gateway.stop()
        town.start_gateway()

    def kill_api() -> None:
        town.api.kill()
        town.api.start()

    def kill_broker() -> None:
        town.broker.kill()
        time.sleep(chance.uniform(0, 5))
        town.broker.start()

    def freeze_store() -> None:
        with influx.server.paused():
            time.sleep(PAUSE_S)

    def kill_store() -> None:
        influx.server.kill()
        time.sleep(PAUSE_S)
        influx.server.start()

    def freeze_gateway() -> None:
        with town.gateway.paused():
            time.sleep(PAUSE_S)

    made = (kill_gateway, stop_gateway, kill_api, kill_broker, freeze_store, kill_store, freeze_gateway)
    return {fault.__name__.replace("_", " "): fault for fault in made}


def _look(town: Installation) -> tuple[float, int, int]:
    """PSS in MB, file descriptors and threads of the gateway and its receiver."""
    return (pss_mb(town.gateway.pid), *open_things(town.gateway.pid))
