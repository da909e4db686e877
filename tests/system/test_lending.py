"""A node is lent while it speaks: what it says by then and until then, each town finds its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from devices.time_us import HOUR_US, SECOND_US, rfc3339
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_equal, wait_until
from tests.system.installation import Installation, Rest, running
from tests.system.speaking import Speaker, now_us

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("mosquitto_pub_program")]
SCOPES = ["event_network:*", "network:*", "devices:lend", "devices:write", "dead_letters:read"]
PROFILE = {"name": "set_profile", "arguments": {"service_class": "visitors", "down_bps": 1, "up_bps": 1}}


@dataclass
class Lending:
    """A node of kl and the people of two towns."""

    town: Installation
    node: Speaker
    kl: Rest
    zw: Rest

    def cpu(self, who: Rest) -> list[float]:
        """What a town sees of the node's samples."""
        status, answer = who.call("GET", f"/devices/{self.node.device_id}/telemetry?fields=cpu_pct")
        assert status == 200, answer
        return [item["values"]["cpu_pct"] for item in answer["items"]]

    def of_kind(self, who: Rest) -> list[float]:
        """What stands in a town's list of newest values."""
        items = who.items("/telemetry/latest", kind="event_network")
        return [i["values"]["cpu_pct"] for i in items if i["id"] == self.node.device_id]

    def sample(self, cpu_pct: float, ts_us: int | None = None, **fields: Any) -> None:
        body = self.node.head(ts_us, cpu_pct=cpu_pct, part="", **fields)
        assert self.node.say("telemetry", body).returncode == 0

    def alarms(self, who: Rest) -> list[tuple[str, bool]]:
        """Names of a town's alarms of the node, and whether they are over."""
        found = who.items("/alarms", device=self.node.device_id)
        return [(a["name"], a["cleared_at"] is not None) for a in found]


@pytest.fixture
def lending(tmp_path_factory: pytest.TempPathFactory, nats: Broker, unique_id: str) -> Iterator[Lending]:
    with running(tmp_path_factory.mktemp("town"), nats) as town:
        town.rest.post("/tenants", {"tenant_id": "zw", "name": "Zweibrücken"})
        people = []
        for tenant_id in ("kl", "zw"):
            made = town.rest.post("/api-keys", {"name": tenant_id, "scopes": SCOPES, "tenant_id": tenant_id})
            people.append(Rest(town.rest.address, made["key"]))
        body = {"id": unique_id, "tenant_id": "kl", "kind": "event_network", "name": "node", "device_id": unique_id}
        town.rest.post("/devices", body)
        yield Lending(town, Speaker(nats, unique_id, kind="event_network"), *people)


def topics_heard(broker: Broker, device_id: str) -> tuple[Client, list[str]]:
    """A client that hears the device's commands, and where they came."""
    heard: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2, f"hears-{device_id}")
    client.username_pw_set(broker.device.user, broker.device.password)
    ready = threading.Event()
    client.on_connect = lambda c, *_: c.subscribe(f"city/v1/+/event_network/{device_id}/cmd/#", 1)
    client.on_subscribe = lambda *_: ready.set()

    def take(_client: Client, _data: object, message: MQTTMessage) -> None:
        heard.append(message.topic)

    client.on_message = take
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert ready.wait(10)
    return client, heard


@contextmanager
def following(who: Rest, told: list[str]) -> Iterator[None]:
    """Take down a town's live stream within the block."""
    parts = urlsplit(who.address)
    connection = HTTPConnection(parts.netloc, timeout=30)
    connection.request("GET", "/api/v1/stream", headers={"Authorization": f"Bearer {who.key}"})
    stream = connection.sock
    answer = connection.getresponse()
    assert answer.readline()

    def read() -> None:
        with suppress(OSError, ValueError, HTTPException):
            while line := answer.readline():
                told.append(line.decode())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        stream.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        answer.close()
        stream.close()
        connection.close()


def test_each_town_finds_its_own(lending: Lending) -> None:
    name = lending.node.device_id
    status = {"v": 1, "boot_id": "boot1", "state": "online"}
    assert lending.node.say("status", status, retain=True).returncode == 0
    lending.sample(1.0)
    wait_equal(lambda: lending.cpu(lending.kl), [1.0])
    assert lending.zw.call("GET", f"/devices/{name}")[0] == 404

    loan = lending.kl.post(f"/devices/{name}/loans", {"tenant_id": "zw", "until": rfc3339(now_us() + HOUR_US)})
    in_loan_us = now_us()
    lending.sample(2.0)
    lending.sample(3.0, power_source="battery", battery_remaining_s=600)
    assert lending.node.say("telemetry", b'{"mark": "theirs"').returncode == 0
    wait_equal(lambda: lending.cpu(lending.zw), [2.0, 3.0])
    wait_equal(lambda: lending.alarms(lending.zw), [("battery_low", False)])
    wait_equal(lambda: lending.zw.get(f"/devices/{name}")["status"], "online")
    assert lending.cpu(lending.kl) == [1.0]
    assert (lending.of_kind(lending.kl), lending.of_kind(lending.zw)) == ([], [3.0])
    shown = lending.kl.get(f"/devices/{name}")
    assert (shown["lent"]["tenant_id"], shown["status"]) == ("zw", "unknown")
    assert lending.alarms(lending.kl) == []
    wait_equal(lambda: len(lending.zw.items("/dead-letters", device_id=name)), 1)
    assert lending.kl.items("/dead-letters", device_id=name) == []

    client, heard = topics_heard(lending.town.broker, name)
    try:
        assert lending.kl.call("POST", f"/devices/{name}/commands", PROFILE)[0] == 409
        assert lending.zw.call("POST", f"/devices/{name}/commands", PROFILE)[0] == 202
        wait_until(lambda: bool(heard), what="the command on the owner's topic")
        assert set(heard) == {f"city/v1/kl/event_network/{name}/cmd/set_profile"}
    finally:
        client.disconnect()
        client.loop_stop()

    assert lending.kl.call("DELETE", f"/devices/{name}/loans/{loan['id']}")[0] == 204
    lending.sample(4.0)
    lending.sample(2.5, ts_us=in_loan_us + SECOND_US // 1000)
    wait_equal(lambda: lending.cpu(lending.kl), [1.0, 4.0])
    wait_equal(lambda: sorted(lending.cpu(lending.zw)), [2.0, 2.5, 3.0])
    assert (lending.of_kind(lending.kl), lending.of_kind(lending.zw)) == ([4.0], [])
    wait_equal(lambda: lending.alarms(lending.zw), [("battery_low", True)])
    assert lending.alarms(lending.kl) == []
    wait_equal(lambda: lending.kl.get(f"/devices/{name}")["status"], "online")
    assert lending.zw.get(f"/devices/{name}")["status"] == "unknown"


def test_what_happens_is_told_to_the_town_that_has_it(lending: Lending) -> None:
    name = lending.node.device_id
    told: dict[str, list[str]] = {"kl": [], "zw": []}
    lending.kl.post(f"/devices/{name}/loans", {"tenant_id": "zw", "until": rfc3339(now_us() + HOUR_US)})
    with following(lending.kl, told["kl"]), following(lending.zw, told["zw"]):
        lending.sample(7.0)
        wait_until(lambda: any("7.0" in line for line in told["zw"]), what="the borrower is told")
    assert not any("7.0" in line for line in told["kl"])
