"""A lamp that listens a fifth of the time and loses a tenth, on each broker: all commands once, and its configuration.

Time is scaled: awake 1 s in 5 s stands for 5 s in 180 s; what counts is that neither broker keeps anything for it.
"""

import json
import random
import secrets
import threading
import time
from pathlib import Path
from typing import Any, Final

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from devices.commands.device_contract import CommandAnswer, DeviceAction, DeviceContract
from devices.messages import AckStatus
from devices.time_us import rfc3339
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import running
from tests.system.speaking import now_us

AWAKE_S: Final = 1.0
ASLEEP_S: Final = 4.0
LOSS: Final = 0.1


class SleepyLamp(threading.Thread):
    """Connects, says something, listens, says that it sleeps, and goes, until `ends` is set."""

    def __init__(self, broker: Broker, device_id: str) -> None:
        super().__init__(name="sleepy lamp")
        self.ends = threading.Event()
        self.executed: list[str] = []
        self._broker, self._device_id = broker, device_id
        self._base = f"city/v1/kl/streetlight/{device_id}"
        self._boot, self._seq, self._version = secrets.token_hex(4), 0, 0
        self._contract = DeviceContract()
        self._random = random.Random(7)

    def run(self) -> None:
        """Live."""
        while not self.ends.is_set():
            self._wake()
            self.ends.wait(ASLEEP_S)

    def _wake(self) -> None:
        client = Client(CallbackAPIVersion.VERSION2, client_id=secrets.token_hex(6))
        client.username_pw_set(self._broker.device.user, self._broker.device.password)
        client.on_message = self._on_message
        client.on_connect = lambda c, *_: c.subscribe([(f"{self._base}/cmd/+", 0), (f"{self._base}/config", 0)])
        client.on_subscribe = lambda c, *_: self._status(c, "online")
        client.connect(self._broker.host, self._broker.port)
        client.loop_start()
        until = time.monotonic() + AWAKE_S
        while time.monotonic() < until:
            self.ends.wait(0.25)
            self._say(client, "telemetry", level_pct=40)
        self._status(client, "sleeping")
        client.disconnect()
        client.loop_stop()

    def _on_message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        if self._random.random() < LOSS:
            return
        body = json.loads(message.payload)
        if message.topic.endswith("/config"):
            self._version = body["version"]
            held = {"level_pct": 40, "command": {"level_pct": 40, "reason": "default"}}
            self._say(client, "state", retain=True, config_version=self._version, **held)
            return
        verdict = self._contract.judge(message.topic.rpartition("/")[2], body, retained=message.retain, now_us=now_us())
        answer = verdict.answer
        if verdict.do is DeviceAction.EXECUTE:
            self.executed.append(verdict.command_id)
            answer = CommandAnswer(verdict.command_id, AckStatus.APPLIED)
            self._contract.remember(answer)
        if answer is not None:
            self._say(client, "ack", **answer.body())

    def _status(self, client: Client, state: str) -> None:
        body = {"v": 1, "boot_id": self._boot, "state": state}
        client.publish(f"{self._base}/status", json.dumps(body), 1, retain=True)

    def _say(self, client: Client, channel: str, *, retain: bool = False, **fields: Any) -> None:
        self._seq += 1
        head = {"v": 1, "device_id": self._device_id, "boot_id": self._boot, "seq": self._seq, "ts": rfc3339(now_us())}
        client.publish(f"{self._base}/{channel}", json.dumps(head | fields), 1, retain=retain)


@pytest.mark.timeout(180)
def test_commands_and_configuration_reach_a_lamp_that_sleeps_most_of_the_time(broker: Broker, tmp_path: Path) -> None:
    with running(tmp_path, broker) as town:
        device_id = f"sleepy-{secrets.token_hex(4)}"
        town.register("kl", [device_id])
        lamp = SleepyLamp(broker, device_id)
        lamp.start()
        try:
            path = f"/devices/{device_id}/config"
            changed = town.rest.call("PUT", path, {"reporting_interval_s": 60}, if_match='"0"')
            assert changed[0] == 200, changed
            wanted = []
            for level in (20, 40, 60):
                told = {"deliver_by": rfc3339(now_us() + 60_000_000), "duration_s": 600}
                told |= {"name": "dim", "arguments": {"level_pct": level}, "reason": "test"}
                wanted.append(town.rest.post(f"/devices/{device_id}/commands", told)["id"])
                wait_until(
                    lambda: town.rest.get(f"/commands/{wanted[-1]}")["delivery"] == "applied",
                    timeout_s=40,
                    what="the command",
                )
            wait_until(lambda: town.rest.get(path)["in_sync"], timeout_s=60, what="the configuration")
        finally:
            lamp.ends.set()
            lamp.join(10)
        assert lamp.executed == wanted, "each once"
