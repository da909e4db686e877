"""F02, F22: asked to end under load, again and again; the API killed beside it; both killed together."""

import time
from pathlib import Path

import pytest

from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import running

STOPS = 50 if LONG else 6
RATE = 700


@pytest.mark.timeout(600 if LONG else 120)
def test_asked_to_end_under_load(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    took_s = []
    with running(tmp_path, mosquitto) as town:
        with publishing(town, RATE) as fleet:
            for _ in range(STOPS):
                time.sleep(0.5)
                began = time.monotonic()
                town.gateway.stop()
                took_s.append(time.monotonic() - began)
                assert town.said("gateway_stopped")
                town.start_gateway()
        account = assert_each_stored_once(town, fleet)
    report("F22", f"SIGTERM {STOPS} times under load", "mosquitto-sqlite", account, at_most_s=round(max(took_s), 1))
    assert max(took_s) <= 10
    assert account.came_twice == 0, "what was acknowledged before the end does not come again"


@pytest.mark.timeout(120)
def test_api_killed_and_both_killed_together(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    back_s = []
    with running(tmp_path, mosquitto) as town:
        with publishing(town, RATE) as fleet:
            for with_gateway in (False, True):
                town.wait_ledger("streetlight", fleet.number)
                if with_gateway:
                    town.gateway.kill()
                town.api.kill()
                number = fleet.number
                fleet.wait_for_more(RATE)
                began = time.monotonic()
                if with_gateway:
                    town.start_gateway(wait=False)
                town.api.start()
                wait_until(lambda: town.said("gateway_started"), timeout_s=30, what="the gateway works")
                back_s.append(time.monotonic() - began)
                if not with_gateway:
                    assert town.rest.ledger("streetlight")["received"] > number, "the gateway worked on meanwhile"
        account = assert_each_stored_once(town, fleet)
    report("F02", "API killed; API and gateway killed together", "mosquitto-sqlite", account,
           back_at_most_s=round(max(back_s), 1))  # fmt: skip
    assert max(back_s) <= 10
