"""F04: the broker killed under load: nats-server loses nothing it confirmed; what mosquitto lost is told."""

from pathlib import Path

import pytest

from tests.faults.account import assert_each_stored_once, settle_but_missing
from tests.faults.conftest import Report
from tests.faults.publishing import LONG, Fleet, publishing
from tests.real_parts import mosquitto
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running

KILLS = 10 if LONG else 2
RATE = 500
pytestmark = pytest.mark.timeout(400 if LONG else 150)


def test_nothing_is_lost_when_nats_is_killed(nats: Broker, tmp_path: Path, report: Report) -> None:
    with running(tmp_path, nats) as town:
        fleet = _publish_and_kill(town)
        account = assert_each_stored_once(town, fleet, timeout_s=90)
    report("F04", f"broker killed {KILLS} times", "nats-sqlite", account)


@pytest.mark.usefixtures("mosquitto_program")
def test_what_a_killed_mosquitto_lost_is_told(tmp_path: Path, report: Report) -> None:
    (tmp_path / "broker").mkdir()
    with mosquitto.running(tmp_path / "broker", autosave=False) as broker, running(tmp_path / "town", broker) as town:
        fleet = _publish_and_kill(town, gateway_away=True)
        account, told = settle_but_missing(town, fleet)
    report("F04", f"broker killed {KILLS} times with a queue in its memory", "mosquitto-sqlite", account, told=told)
    assert told > 0, "what waited at the broker was lost with it"
    assert account.lost == told
    assert (account.invented, account.doubled) == (0, 0)


def _publish_and_kill(town: Installation, *, gateway_away: bool = False) -> Fleet:
    """Kill the broker under load; with the gateway away it has a queue that is in its memory only."""
    with publishing(town, RATE) as fleet:
        for _ in range(KILLS):
            _wait_for_more(town)
            if gateway_away:
                town.gateway.stop()
                _wait_for_made(fleet, fleet.number + RATE)
            town.broker.kill()
            assert not town.broker.server.running()
            town.broker.start()
            if gateway_away:
                town.start_gateway()
        _wait_for_more(town)
    return fleet


def _wait_for_made(fleet: Fleet, number: int) -> None:
    wait_until(lambda: fleet.number > number, what=f"{number} published")


def _wait_for_more(town: Installation) -> None:
    before = town.rest.ledger("streetlight").get("received", 0)
    wait_until(lambda: town.rest.ledger("streetlight").get("received", 0) > before + RATE, timeout_s=40)
