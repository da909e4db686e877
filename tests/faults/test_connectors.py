"""A04 and a lost connector, with the whole programs: who is heard for whom, until when; and how many alarms."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from devices.time_us import MINUTE_US, rfc3339
from tests.faults.conftest import Report
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_equal, wait_until
from tests.system.installation import Installation, running
from tests.system.speaking import now_us

KIND = "streetlight"
STATE: dict[str, Any] = {"level_pct": 66, "command": {"level_pct": 66, "reason": "default"}}
pytestmark = pytest.mark.timeout(150)


class Street:
    """A box that speaks for lamps, on a broker that lets everybody say everything: the gateway alone decides."""

    def __init__(self, town: Installation, client: Client, name: str) -> None:
        self.town = town
        self.client = client
        self.box, self.thief, self.child = f"{name}-box", f"{name}-thief", f"{name}-child"
        self.lamps = [f"{name}-{n:02}" for n in range(40)]
        self._seq = count(1)
        town.register("kl", [self.box, self.thief, *self.lamps])
        parent = {"tenant_id": "kl", "kind": KIND, "name": "behind it", "via": self.box}
        town.rest.post("/devices", {**parent, "id": self.child, "device_id": self.child})
        town.rest.post(f"/devices/{self.box}/members", {"devices": self.lamps})

    def say(self, lamp: str, through: str, channel: str = "telemetry", *, at_us: int = 0, **fields: object) -> None:
        """Through whom (empty: itself) what is said of a lamp."""
        seq = next(self._seq)
        body = {"v": 1, "boot_id": "b1", **fields}
        if channel != "status":
            body |= {"device_id": lamp, "seq": seq, "ts": rfc3339(at_us or now_us() + seq)}
        base = f"city/v1/kl/{KIND}/{through}/member/{KIND}/{lamp}" if through else f"city/v1/kl/{KIND}/{lamp}"
        self.client.publish(f"{base}/{channel}", json.dumps(body), 1).wait_for_publish(20)

    def status(self, device: str) -> str:
        return str(self.town.rest.get(f"/devices/{device}")["status"])

    def alarms(self) -> list[tuple[str, str]]:
        found = self.town.rest.items("/alarms", open="true", limit=500)
        return sorted((alarm["asset_id"], alarm["name"]) for alarm in found)


@contextmanager
def connected(broker: Broker, client_id: str, will: str = "") -> Iterator[Client]:
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv311)
    client.username_pw_set(broker.device.user, broker.device.password)
    client.reconnect_delay_set(300, 300)
    if will:
        client.will_set(will, json.dumps({"v": 1, "boot_id": "b1", "state": "offline"}), 1, retain=True)
    client.connect(broker.host, broker.port, keepalive=30)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def break_off(client: Client) -> None:
    """As a cable does that is pulled: without DISCONNECT."""
    connection = client.socket()
    assert connection is not None
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


def test_nobody_is_heard_for_devices_that_he_was_not_given(
    broker: Broker, tmp_path: Path, unique_id: str, report: Report
) -> None:
    with running(tmp_path, broker) as town, connected(broker, unique_id) as client:
        street = Street(town, client, unique_id)
        first, second, third, *_ = street.lamps
        began_us = now_us()
        street.say(first, street.box, level_pct=1)
        wait_until(lambda: len(town.rest.samples(first, began_us - MINUTE_US)) == 1, what="a member is heard")

        for channel, fields in (
            ("telemetry", {"level_pct": 66}),
            ("status", {"state": "offline"}),
            ("state", STATE),
            ("event/door_open", {}),
            ("ack", {"command_id": "c", "status": "applied"}),
        ):
            street.say(first, street.thief, channel, **fields)
        street.say(first, first, level_pct=66)  # below its own topics
        street.say(first, street.child, level_pct=66)
        street.say(street.child, street.box, level_pct=66)  # its parent in the network
        street.say(second, "", level_pct=66)  # itself
        wait_equal(lambda: sum(town.rest.letters(first).values()), 7, timeout_s=20)
        wait_equal(lambda: town.rest.letters(street.child), {"not_its_connector": 1})
        wait_equal(lambda: town.rest.letters(second), {"has_a_connector": 1})
        assert set(town.rest.letters(first)) == {"not_its_connector"}

        status, _ = town.rest.call("DELETE", f"/devices/{street.box}/members/{third}")
        ended_us = now_us()
        assert status == 204
        street.say(third, street.box, at_us=began_us + 1, level_pct=2)  # measured before
        street.say(third, street.box, at_us=ended_us + 1, level_pct=66)
        street.say(third, street.box, "state", **STATE)
        street.say(third, "", at_us=ended_us + 2, level_pct=3)  # itself again
        wait_equal(lambda: town.rest.letters(third), {"not_its_connector": 2}, timeout_s=20)
        levels = {lamp: [row["values"]["level_pct"] for row in town.rest.samples(lamp, began_us - MINUTE_US)]
                  for lamp in (first, second, third, street.child)}  # fmt: skip
        wait_equal(lambda: len(town.rest.samples(third, began_us - MINUTE_US)), 2)
        levels[third] = [row["values"]["level_pct"] for row in town.rest.samples(third, began_us - MINUTE_US)]
        assert levels == {first: [1], second: [], third: [2, 3], street.child: []}
        assert [town.rest.items(f"/devices/{lamp}/events") for lamp in (first, third)] == [[], []]
        assert street.status(first) == "unknown"
        assert town.rest.items("/devices/unknown") == []
        assert all(line["balanced"] for line in town.rest.items("/ledger"))
    report("A04", "speaks for another's member, behind a parent, itself beside its connector, after the end",
           f"{broker.name}-sqlite", dead_letters=11, believed=0)  # fmt: skip


def test_a_lost_connector_is_one_alarm_and_its_members_return_with_it(
    broker: Broker, tmp_path: Path, unique_id: str, report: Report
) -> None:
    with running(tmp_path, broker) as town, connected(broker, unique_id) as client:
        street = Street(town, client, unique_id)
        will = f"city/v1/kl/{KIND}/{street.box}/status"
        with connected(broker, street.box, will) as box:
            wait_until(box.is_connected, what="the box")
            street.say(street.box, "", "status", state="online")
            for lamp in street.lamps:
                street.say(lamp, street.box, "status", state="online")
            wait_until(lambda: all(street.status(lamp) == "online" for lamp in street.lamps), what="all are there")
            break_off(box)
            wait_equal(street.alarms, [(street.box, "device_offline")], timeout_s=30)
            assert {street.status(lamp) for lamp in street.lamps} == {"unreachable"}
            assert len(town.rest.items("/devices", status="unreachable", limit=500)) == len(street.lamps)
            (alarm,) = town.rest.items("/alarms", open="true")
            assert alarm["details"]["unreachable"] == len(street.lamps)
            command = {"name": "dim", "arguments": {"level_pct": 30}, "duration_s": 60, "reason": "test"}
            waiting = town.rest.post(f"/devices/{street.lamps[0]}/commands", command)
            assert town.rest.get(f"/commands/{waiting['id']}")["delivery"] == "queued"
            town.restart_gateway()
            wait_equal(street.alarms, [(street.box, "device_offline")])
            assert {street.status(lamp) for lamp in street.lamps} == {"unreachable"}
            street.say(street.box, "", "status", state="online")
            wait_equal(street.alarms, [], timeout_s=30)
            assert {street.status(lamp) for lamp in street.lamps} == {"online"}
    report("A04", f"a connector of {len(street.lamps)} members is lost, and comes back", f"{broker.name}-sqlite",
           alarms=1, unreachable=len(street.lamps))  # fmt: skip
