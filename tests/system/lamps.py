"""Lamps that obey commands, behind one MQTT connection, with loss each way."""

import heapq
import json
import random
import secrets
import threading
import time
from itertools import count
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from devices.commands.device_contract import CommandAnswer, DeviceAction, DeviceContract
from devices.messages import AckStatus
from devices.time_us import rfc3339
from tests.real_parts.brokers import Broker

BASE = "city/v1/kl/streetlight"
GROUPS = "city/v1/kl/group"


class Lamps:
    """Used with `with`; `loss` is the share of messages that vanish, each way."""

    def __init__(self, broker: Broker, device_ids: list[str], *, loss: float = 0.0) -> None:
        self.loss = loss
        self.mute: set[str] = set()
        self.executed: dict[str, list[str]] = {d: [] for d in device_ids}
        self.multicasts = 0
        self._contracts = {d: DeviceContract() for d in device_ids}
        self._random = random.Random(7)
        self._seq = count()
        self._boot_id = secrets.token_hex(4)
        self._due: list[tuple[float, int, str, CommandAnswer]] = []
        self._changed = threading.Condition()
        self._ends = False
        self._broker = broker
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="lamps")
        self._client.username_pw_set(broker.device.user, broker.device.password)
        self._client.max_inflight_messages_set(1000)
        self._client.on_message = self._on_message
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"{BASE}/+/cmd/+", 0), (f"{GROUPS}/+/cmd/+", 0)]
        )
        self._answering = threading.Thread(target=self._answer, name="lamps answer")

    def __enter__(self) -> Self:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(10)
        self._answering.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._ends = True
            self._changed.notify()
        self._answering.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def status(self, device_id: str, state: str) -> None:
        """Say, retained, that a lamp is online or not."""
        body = {"v": 1, "boot_id": self._boot_id, "state": state}
        self._client.publish(f"{BASE}/{device_id}/status", json.dumps(body), 1, retain=True).wait_for_publish(10)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        levels = message.topic.split("/")
        body = json.loads(message.payload)
        everybody = levels[3] == "group"
        self.multicasts += everybody
        for device_id in self._contracts if everybody else [levels[4]]:
            if self._random.random() >= self.loss:
                self._receive(device_id, levels[-1], body, retained=message.retain)

    def _receive(self, device_id: str, name: str, body: dict[str, Any], *, retained: bool) -> None:
        contract = self._contracts[device_id]
        verdict = contract.judge(name, body, retained=retained, now_us=time.time_ns() // 1000)
        answer = verdict.answer
        if verdict.do is DeviceAction.EXECUTE:
            self.executed[device_id].append(verdict.command_id)
            answer = CommandAnswer(verdict.command_id, AckStatus.APPLIED)
            contract.remember(answer)
        if answer is not None and device_id not in self.mute and self._random.random() >= self.loss:
            at = time.monotonic() + self._random.random() * float(body.get("ack_spread_s", 0))
            with self._changed:
                heapq.heappush(self._due, (at, next(self._seq), device_id, answer))
                self._changed.notify()

    def _answer(self) -> None:
        with self._changed:
            while not self._ends:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    _, seq, device_id, answer = heapq.heappop(self._due)
                    self._send(device_id, seq, answer)
                else:
                    self._changed.wait(wait_s)

    def _send(self, device_id: str, seq: int, answer: CommandAnswer) -> None:
        head = {
            "v": 1,
            "device_id": device_id,
            "boot_id": self._boot_id,
            "seq": seq,
            "ts": rfc3339(time.time_ns() // 1000),
        }
        self._client.publish(f"{BASE}/{device_id}/ack", json.dumps(head | answer.body()), 1)
