"""The broker restarted, robbed of its sessions, or gone silent: nothing is lost, nothing old is acknowledged anew."""

import asyncio
import resource
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.account import assert_each_stored_once, settle_but_missing
from tests.faults.conftest import Report
from tests.faults.packets import acknowledged, delivered
from tests.faults.points import Points, faulty_build
from tests.faults.proxy import Mode, between
from tests.faults.publishing import LONG, publishing
from tests.real_parts import mosquitto as own_mosquitto
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running

RATE = 500
READY_S = 30
NOTICED_S = 50
DEVICES = 2000


@pytest.mark.timeout(120)
def test_broker_restarted_in_good_order(broker: Broker, tmp_path: Path, report: Report) -> None:
    took_s = []
    with running(tmp_path, broker) as town:
        with publishing(town, RATE) as fleet:
            for _ in range(3):
                wait_for_more(town)
                broker.stop()
                assert not broker.server.running()
                broker.start()
                took_s.append(ready_again_s(town))
        account = assert_each_stored_once(town, fleet, timeout_s=90)
    report("F03", "broker restarted 3 times", f"{broker.name}-sqlite", account, ready_again_at_most_s=max(took_s))
    assert max(took_s) <= READY_S


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("mosquitto_program")
def test_no_old_acknowledgement_when_the_broker_forgot_its_sessions(tmp_path: Path, report: Report) -> None:
    """Its packet ids begin at 1 again: an acknowledgement of before would erase a message of now."""
    (tmp_path / "broker").mkdir()
    with own_mosquitto.running(tmp_path / "broker") as broker, between(broker.host, broker.port, keeps=True) as proxy:
        through = replace(broker, port=proxy.port)
        data = tmp_path / "town"
        with running(data, through, None, "lautern", faulty_build(data)) as town:
            town.broker = broker
            with publishing(town, RATE) as fleet:
                wait_for_more(town)
                with Points(data).armed("journal.before_commit", "refuse"):
                    fleet.wait_for_more(2 * RATE)  # these wait to be acknowledged
                    broker.kill()
                    _forget(tmp_path / "broker")
                    broker.start()
                    wait_until(lambda: town.said("mqtt_session_lost"), timeout_s=40)
                    fleet.wait_for_more(RATE)
                ready_again_s(town)
                wait_for_more(town, 2 * RATE)
            account, told = settle_but_missing(town, fleet)
        for number, seen in enumerate(proxy.seen):
            assert acknowledged(bytes(seen.up)) <= delivered(bytes(seen.down)), (
                f"connection {number}: each at most once"
            )
    report(
        "F05",
        "broker forgot its sessions while messages waited to be acknowledged",
        "mosquitto-sqlite",
        account,
        told=told,
    )
    assert account.lost == told, "what the broker forgot, and nothing else, is told as missing"
    assert (account.invented, account.doubled) == (0, 0)


@pytest.mark.timeout(200)
@pytest.mark.skipif(not LONG, reason="takes longer than two keepalives: LAUTERN_TEST_LONG=1")
def test_silent_connection_is_given_up(broker: Broker, tmp_path: Path, report: Report) -> None:
    with between(broker.host, broker.port) as proxy, running(tmp_path, replace(broker, port=proxy.port)) as town:
        town.broker = broker
        with publishing(town, 50) as fleet:
            wait_for_more(town, 50)
            proxy.become(Mode(silent=True))
            began = time.monotonic()
            wait_until(lambda: town.said("mqtt_disconnected"), timeout_s=100, what="the connection is given up")
            noticed_s = time.monotonic() - began
            proxy.become(Mode(), cut=True)
        account = assert_each_stored_once(town, fleet, timeout_s=90)
        assert proxy.interfered
    report("F06", "connection gone silent", f"{broker.name}-sqlite", account, noticed_s=round(noticed_s, 1))
    assert noticed_s <= NOTICED_S


@pytest.mark.timeout(240)
def test_thousands_of_devices_connect_at_once_and_again(nats: Broker, tmp_path: Path, report: Report) -> None:
    with running(tmp_path, nats) as town:
        crowd = _Crowd(nats, DEVICES)
        with publishing(town, 200) as fleet:
            try:
                first_s = crowd.connect_s()
                nats.kill()
                nats.start()
                again_s = crowd.connect_s()
            finally:
                crowd.leave()
        account = assert_each_stored_once(town, fleet, timeout_s=90)
    report("F20", f"{DEVICES} devices connect at once, and again after the broker was killed", "nats-sqlite", account,
           connected_s=round(first_s, 1), again_s=round(again_s, 1))  # fmt: skip
    assert max(first_s, again_s) <= 60


class _Crowd:
    """Connections that do nothing but be there."""

    def __init__(self, broker: Broker, number: int) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * number + 1000)), hard))
        self._broker = broker
        self._number = number
        self._links: list[socket.socket] = []

    def connect_s(self) -> float:
        """Connect all anew; returns how long it took until all were accepted."""
        self.leave()
        began = time.monotonic()
        asyncio.run(asyncio.wait_for(self._connect(), 100))
        return time.monotonic() - began

    async def _connect(self) -> None:
        at_once = asyncio.Semaphore(500)

        async def one(number: int) -> None:
            async with at_once:
                self._links.append(await _accepted(self._broker, f"crowd-{id(self)}-{number}"))

        await asyncio.gather(*map(one, range(self._number)))

    def leave(self) -> None:
        """End all."""
        for link in self._links:
            link.close()
        self._links.clear()


async def _accepted(broker: Broker, name: str) -> socket.socket:
    link = socket.socket()
    link.settimeout(0)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(link, (broker.host, broker.port))
    body = b"\x00\x04MQTT\x04\xc2\x02\x58"
    for text in (name, broker.device.user, broker.device.password):
        body += len(text).to_bytes(2) + text.encode()
    await loop.sock_sendall(link, bytes([0x10, len(body)]) + body)
    assert await loop.sock_recv(link, 4) == b"\x20\x02\x00\x00", "accepted"
    return link


def wait_for_more(town: Installation, number: int = RATE) -> None:
    """Wait until so many more messages were received."""
    before = town.rest.ledger("streetlight").get("received", 0)
    wait_until(lambda: town.rest.ledger("streetlight").get("received", 0) > before + number, timeout_s=60)


def ready_again_s(town: Installation) -> float:
    """Seconds until the gateway says that both its connections stand."""
    began = time.monotonic()
    wait_until(lambda: _broker_ok(town), timeout_s=60, what="both connections stand")
    return round(time.monotonic() - began, 1)


def _broker_ok(town: Installation) -> bool:
    _, readiness = town.rest.call("GET", "/readyz")
    beat = next(x for x in readiness["parts"] if x["part"] == "broker")
    return bool(beat["ok"])


def _forget(folder: Path) -> None:
    for kept in folder.glob("mosquitto.db*"):
        kept.unlink()
