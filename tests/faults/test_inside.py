"""F18, F19: errors, hangs and slow parts inside the gateway: it goes on or ends loudly, and loses nothing."""

import time
from pathlib import Path

import pytest

from benchmarks.parts.cost import pss_mb
from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.points import Points, faulty_build
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import running

RATE = 500
RAISING = ("message", "journal.before_commit", "effects.before", "rules", "store.before_write", "dispatch", "heartbeat",
           "canary", "release")  # fmt: skip
ENDS_S = 60
SLOW_S = 60 if LONG else 8


@pytest.mark.timeout(240)
def test_error_anywhere_ends_the_gateway_loudly_or_is_survived(
    mosquitto: Broker, tmp_path: Path, report: Report
) -> None:
    ended: dict[str, float | str] = {}
    with running(tmp_path, mosquitto, None, "lautern", faulty_build(tmp_path)) as town:
        points = Points(tmp_path)
        with publishing(town, RATE) as fleet:
            for point in RAISING:
                began = time.monotonic()
                with points.armed(point, "raise", nth=2):
                    pass
                wait_until(lambda: not town.gateway.running(), timeout_s=ENDS_S, what=f"an end after {point}")
                ended[point] = round(time.monotonic() - began, 1)
                assert town.said("died"), point
                town.start_gateway()
        account = assert_each_stored_once(town, fleet, timeout_s=90)
    report("F18", f"an error in {', '.join(RAISING)}", "mosquitto-sqlite", account, ended_after_s=ended)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("point", ["store.before_write", "journal.before_commit"])
def test_slow_part_keeps_connection_and_memory(mosquitto: Broker, tmp_path: Path, point: str, report: Report) -> None:
    with running(tmp_path, mosquitto, None, "lautern", faulty_build(tmp_path)) as town:
        points = Points(tmp_path)
        with publishing(town, RATE) as fleet:
            town.wait_ledger("streetlight", 3 * RATE)
            before_mb = pss_mb(town.gateway.pid)
            with points.armed(point, "sleep", seconds=SLOW_S):
                fleet.wait_for_more(RATE * SLOW_S)
                highest_mb = pss_mb(town.gateway.pid)
            assert not town.said("mqtt_disconnected")
            assert town.gateway.running()
        account = assert_each_stored_once(town, fleet, timeout_s=90)
    report("F19", f"{SLOW_S} s of sleep at {point}", "mosquitto-sqlite", account,
           pss_before_mb=round(before_mb), pss_at_most_mb=round(highest_mb))  # fmt: skip
    assert highest_mb < before_mb + 60
