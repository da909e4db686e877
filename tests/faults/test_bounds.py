"""Descriptors, threads and memory stay as they were, however often the broker goes and comes back."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.parts.cost import open_things, pss_mb
from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.proxy import Mode, between
from tests.faults.publishing import LONG, publishing
from tests.faults.test_broker_away import wait_for_more
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running

RECONNECTS = 100 if LONG else 10
RATE = 200


@pytest.mark.timeout(20 * RECONNECTS + 60)
def test_reconnects_leave_nothing_behind(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    with (
        between(mosquitto.host, mosquitto.port) as proxy,
        running(tmp_path, replace(mosquitto, port=proxy.port)) as town,
    ):
        town.broker = mosquitto
        with publishing(town, RATE) as fleet:
            wait_for_more(town, RATE)
            before, before_mb = open_things(town.gateway.pid), pss_mb(town.gateway.pid)
            for number in range(1, RECONNECTS + 1):
                proxy.become(Mode(), cut=True)
                _wait_said(town, "mqtt_disconnected", 2 * number)
                _wait_said(town, "mqtt_ready", 2 * number + 2)
            wait_for_more(town, RATE)
            after, after_mb = open_things(town.gateway.pid), pss_mb(town.gateway.pid)
        account = assert_each_stored_once(town, fleet)
    report("bounds", f"{RECONNECTS} broken connections", "mosquitto-sqlite", account,
           descriptors=f"{before[0]} → {after[0]}", threads=f"{before[1]} → {after[1]}",
           pss_mb=f"{before_mb:.0f} → {after_mb:.0f}")  # fmt: skip
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 4, "some begin late, three of them jobs; none begins with each connection"
    assert after_mb < before_mb * 1.1 + 5


def _wait_said(town: Installation, what: str, times: int) -> None:
    wait_until(lambda: town.gateway.log.read_text().count(what) >= times, timeout_s=30, what=f"{what} {times} times")
