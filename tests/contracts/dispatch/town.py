"""Devices, a broker and time, all simulated, around the real registry."""

import heapq
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from application.commands.command_filing import CommandOrigin, file_command, file_group_command
from application.commands.command_request import CommandRequest
from application.ports.changes import Change, ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.inventory import Asset, AssetGroup, AssetRepository, DeviceBinding, GroupRepository
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.registry import Registry
from devices.commands.command import Command
from devices.commands.device_contract import CommandAnswer, DeviceAction, DeviceContract
from devices.messages import AckMessage, AckStatus, StateMessage
from devices.time_us import SECOND_US, from_us, to_us
from gateway.dispatch.command_dispatcher import CommandDispatcher
from gateway.dispatch.command_progress import CommandProgress
from gateway.dispatch.signs_of_life import LifeSignListener
from tests.unit.devices.commands.toy import CATALOG, T0

STEP_US = SECOND_US // 10
WAY_US = 20_000


@dataclass
class Device:
    """A toy lamp. `answers_twice`, `mute`, `delay_us` and `clock_us` are its faults."""

    device_id: str
    online: bool = True
    mute: bool = False
    delay_us: int = 0
    answers_twice: bool = False
    accepts_first: bool = False
    clock_us: int = 0
    executed: list[str] = field(default_factory=list)
    in_force: str | None = None
    contract: DeviceContract = field(default_factory=DeviceContract)


@dataclass
class Town:
    """Everything around the dispatcher. `loss` is the share of messages that vanish, each way."""

    registry: Registry
    loss: float = 0.0
    seed: int = 7
    connected_: bool = True
    now_us: int = T0
    devices: dict[str, Device] = field(default_factory=dict)
    published: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    loses_publishes: bool = False

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._tokens: dict[int, bool] = {}
        self._number = count()
        self._acks: list[tuple[str, AckMessage, int]] = []
        self._states: list[tuple[str, StateMessage, int]] = []
        self._answers = CommandProgress(CATALOG)
        self.restart()

    def restart(self) -> None:
        """A new dispatcher, which knows what the registry knows."""
        self._signs = LifeSignListener()
        self.dispatcher = CommandDispatcher(self.registry, CATALOG, self, signs=self._signs)

    # the publisher's seam

    def connected(self) -> bool:
        return self.connected_

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:  # noqa: FBT001 - the seam's order
        assert self.connected_, "paho is never handed a command while disconnected"
        assert (qos, retain) == (1, False)
        token = next(self._number)
        if self.loses_publishes:
            self._tokens[token] = False
            return token
        self._tokens[token] = True
        body = json.loads(payload)
        self.published.append((self.now_us, topic, body))
        self._route(topic.split("/"), body)
        return token

    def acknowledged(self, token: int) -> bool | None:
        return self._tokens.pop(token)

    def _route(self, levels: list[str], body: dict[str, Any]) -> None:
        everybody, device_id = levels[3] == "group", levels[-3]
        spread_us = int(body.get("ack_spread_s", 0) * SECOND_US)
        for device in self.devices.values():
            if device.online and (everybody or device.device_id == device_id) and self._random.random() >= self.loss:
                wait_us = WAY_US + self._random.randrange(spread_us + 1)
                self.after(wait_us, lambda d=device: self._receive(d, levels[-1], body))  # type: ignore[misc]

    # devices

    def _receive(self, device: Device, name: str, body: dict[str, Any]) -> None:
        if not device.online:
            return
        verdict = device.contract.judge(name, body, retained=False, now_us=self.now_us + device.clock_us)
        if verdict.do is DeviceAction.EXECUTE:
            if device.accepts_first:
                device.contract.remember(CommandAnswer(verdict.command_id, AckStatus.ACCEPTED))
                self.say(device, CommandAnswer(verdict.command_id, AckStatus.ACCEPTED))
            starts_us = _start_us(body) or self.now_us
            self.after(max(0, starts_us - self.now_us), lambda: self._execute(device, verdict.command_id, body))
        elif verdict.answer is not None:
            if verdict.do is DeviceAction.CANCEL and device.in_force == verdict.command_id:
                device.in_force = None
            self.say(device, verdict.answer)

    def _execute(self, device: Device, command_id: str, body: dict[str, Any]) -> None:
        if any(a.command_id == command_id and a.reason == "cancelled" for a in device.contract.answers()):
            return
        device.executed.append(command_id)
        device.in_force = command_id if "until" in body else None
        answer = CommandAnswer(command_id, AckStatus.APPLIED)
        device.contract.remember(answer)
        self.say(device, answer)

    def say(self, device: Device, answer: CommandAnswer) -> None:
        """Send an ack, as the device's faults allow."""
        if device.mute:
            return
        for _ in range(2 if device.answers_twice else 1):
            if self._random.random() >= self.loss:
                body = answer.body() | {
                    "v": 1,
                    "device_id": device.device_id,
                    "boot_id": "b",
                    "seq": next(self._number),
                }
                ts = from_us(self.now_us + device.clock_us)
                ack = AckMessage(**body | {"status": answer.status, "ts": ts})
                self.after(device.delay_us + WAY_US, lambda a=ack: self._acks.append(self._heard(device, a)))  # type: ignore[misc]

    def _heard(self, device: Device, ack: AckMessage) -> tuple[str, AckMessage, int]:
        return asset_of(device.device_id), ack, self.now_us

    def state(self, asset_id: str, named: str | None) -> None:
        """The asset's device says what it is set to."""
        ts = from_us(self.now_us)
        state = StateMessage(v=1, device_id="d", ts=ts, boot_id="b", seq=next(self._number), applied_command_id=named)
        self._states.append((asset_id, state, self.now_us))

    def sign(self, device_id: str) -> None:
        """The gateway hears of a device, by telemetry."""
        self._signs.note({asset_of(device_id): self.now_us})

    def nap(self, device_id: str, command: Command, awake_s: float = 5, asleep_s: float = 175) -> None:
        """Let time pass until it is final, with a device that listens now and then, and says something each second."""
        at_s = 0.0
        while not self.get(command).delivery.final:
            listens = at_s % (awake_s + asleep_s) >= asleep_s
            if listens is not self.devices[device_id].online:
                self.status(device_id, "online" if listens else "sleeping")
            if listens:
                self.sign(device_id)
            self.run(1)
            at_s += 1

    def status(self, device_id: str, state: str) -> None:
        """A device connects or is lost; the gateway's effects write it down."""
        self.devices[device_id].online = state == "online"
        asset_id = asset_of(device_id)
        row = LatestValue(asset_id, "toy", "kl", "status", "", self.now_us, self.now_us, {"state": state})
        with self.registry.write() as tx:
            tx.get(LatestValues).put([row])
            tx.get(ChangeFeed).add([Change(0, self.now_us, "kl", "toy", "status", {"devices": []})])

    # people

    def register(self, number: int, **faults: Any) -> Device:
        """Make an asset `a<number>` with a device `d<number>`."""
        return self.register_many([number], **faults)[0]

    def register_many(self, numbers: list[int], **faults: Any) -> list[Device]:
        with self.registry.write() as tx:
            for n in numbers:
                tx.get(AssetRepository).add(Asset(f"a{n}", "kl", "toy", f"Toy {n}", T0))
                tx.get(AssetRepository).bind(DeviceBinding(f"a{n}", f"d{n}", "kl", "toy", T0))
        made = [Device(f"d{n}", **faults) for n in numbers]
        self.devices.update({d.device_id: d for d in made})
        return made

    def group(self, size: int) -> AssetGroup:
        self.register_many(list(range(1, size + 1)))
        with self.registry.write() as tx:
            members = tuple(f"a{n}" for n in range(1, size + 1))
            return tx.get(GroupRepository).put(AssetGroup("g1", "kl", "toy", "Street", members, version=0))

    def ask(self, asset_id: str = "a1", name: str = "shine", **more: Any) -> Command:
        arguments = {"level_pct": more.pop("level_pct", 40)} if name == "shine" else {}
        with self.registry.write() as tx:
            return file_command(
                tx,
                CATALOG,
                tx.get(AssetRepository).get(asset_id),
                CommandRequest(name, arguments, **more),
                CommandOrigin("tester", self.now_us),
            )

    def ask_group(self, group: AssetGroup, **more: Any) -> list[Command]:
        with self.registry.write() as tx:
            return list(
                file_group_command(
                    tx,
                    CATALOG,
                    group,
                    CommandRequest("shine", {"level_pct": 40}, **more),
                    CommandOrigin("tester", self.now_us),
                )
            )

    def get(self, command: Command) -> Command:
        with self.registry.read() as tx:
            return tx.get(CommandRepository).get(command.command_id)

    def members(self, wire_id: str) -> list[Command]:
        with self.registry.read() as tx:
            return list(tx.get(CommandRepository).by_wire_id(wire_id))

    # time

    def after(self, wait_us: int, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_us + wait_us, next(self._number), what))

    def run(self, seconds: float) -> None:
        """Let time pass in steps of the dispatcher."""
        end_us = self.now_us + int(seconds * SECOND_US)
        while self.now_us < end_us:
            self.dispatcher.dispatch_due(self.now_us)
            next_us = self.now_us + STEP_US
            while self._events and self._events[0][0] <= next_us:
                self.now_us, _, what = heapq.heappop(self._events)
                what()
            self.now_us = next_us
            self._effects()

    def _effects(self) -> None:
        acks, self._acks = self._acks, []
        states, self._states = self._states, []
        if acks or states:
            with self.registry.write() as tx:
                changes = [*self._answers.on_acks(tx, acks), *self._answers.on_states(tx, states)]
                tx.get(ChangeFeed).add(changes)


def asset_of(device_id: str) -> str:
    return "a" + device_id.removeprefix("d")


def _start_us(body: dict[str, Any]) -> int | None:
    return to_us(datetime.fromisoformat(body["start_at"])) if "start_at" in body else None
