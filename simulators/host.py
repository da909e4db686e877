"""One simulated device with its sender, its faults and its side of the command contract; no sockets."""

import heapq
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, Final

from pydantic import ValidationError

from devices.commands.device_contract import CommandAnswer, DeviceAction, DeviceContract
from devices.commands.wire import CANCEL, HEAD
from devices.kind import DeviceKind
from devices.messages import AckStatus, StatusState
from devices.time_us import SECOND_US
from simulators.device import OutgoingReport, SimulatedDevice, TellsTruth
from simulators.envelope_sender import EnvelopeSender, WireMessage
from simulators.faults import FaultStage

NOT_SUPPORTED: Final = "resourceNotFound"
NOT_VALID: Final = "parameterValueNotValid"


class DeviceHost:
    """Takes true time; the device lives by its own clock, ahead by `skew_s`."""

    def __init__(
        self,
        *,
        device: SimulatedDevice,
        kind: DeviceKind,
        sender: EnvelopeSender,
        stage: FaultStage,
        chance: random.Random,
        new_boot: Callable[[], str],
        skew_s: float = 0.0,
    ) -> None:
        self.device = device
        self.sender = sender
        self._kind = kind
        self._stage = stage
        self._chance = chance
        self._new_boot = new_boot
        self._skew_us = round(skew_s * SECOND_US)
        self._contract = DeviceContract()
        self._later: list[tuple[int, int, OutgoingReport]] = []
        self._order = 0
        self._kept: dict[str, OutgoingReport] | None = None

    @property
    def device_id(self) -> str:
        """Id in topics and payloads."""
        return self.device.device_id

    def start(self, now_us: int) -> list[WireMessage]:
        """Boot the device."""
        return self._out(self.device.start(now_us + self._skew_us))

    def due_us(self) -> int:
        """When `tick` wants to be called next, in true time."""
        due_us = self.device.due_us() - self._skew_us
        return min(due_us, self._later[0][0]) if self._later else due_us

    def tick(self, now_us: int) -> list[WireMessage]:
        """What is to be sent by now."""
        wires: list[WireMessage] = []
        while self._later and self._later[0][0] <= now_us:
            wires += self._out([heapq.heappop(self._later)[2]])
        if self.device.due_us() - self._skew_us <= now_us:
            wires += self._out(self.device.tick(now_us + self._skew_us))
        return wires

    def truth(self) -> list[Mapping[str, Any]]:
        """What really happened since the last call."""
        return [f for f in self.device.truth() if isinstance(f, Mapping)] if isinstance(self.device, TellsTruth) else []

    def sums(self) -> list[Mapping[str, Any]]:
        """What sums up since the start."""
        facts = self.device.truth() if isinstance(self.device, TellsTruth) else ()
        return [{"fact": type(f).__name__, **asdict(f)} for f in facts if is_dataclass(f) and not isinstance(f, type)]

    def online(self) -> WireMessage:
        """The status to publish when the connection is up."""
        return self.sender.status(StatusState.ONLINE)

    def offline(self) -> WireMessage:
        """The last will, also the farewell."""
        return self.sender.status(StatusState.OFFLINE)

    def keep_retained(self) -> None:
        """From now on keep retained messages unnumbered, the newest of each channel, until `release_retained`."""
        self._kept = {}

    def release_retained(self) -> list[WireMessage]:
        """Send what was kept, and keep no more."""
        kept, self._kept = self._kept or {}, None
        return self._out(kept.values())

    def flush(self) -> list[WireMessage]:
        """What the fault stage still holds back."""
        return self._stage.flush()

    def receive_config(self, payload: bytes, now_us: int) -> list[WireMessage]:
        """Take a configuration; what is no JSON object is ignored."""
        body = _object(payload)
        return [] if body is None else self._out(self.device.config(body, now_us + self._skew_us))

    def receive_command(self, name: str, payload: bytes, now_us: int, *, retained: bool) -> list[WireMessage]:
        """Judge a command by the contract, carry it out, answer after the spread that the message asks for."""
        body = _object(payload)
        if body is None or self._stage.loses_command():
            return []
        clock_us = now_us + self._skew_us
        before = self._hurry()
        verdict = self._contract.judge(name, body, retained=retained, now_us=clock_us)
        answers: list[OutgoingReport] = []
        if verdict.do is DeviceAction.EXECUTE:
            answers = list(self._execute(name, body, verdict.command_id, clock_us))
        elif verdict.do is DeviceAction.CANCEL:
            answers = [m for m in self.device.command(CANCEL, body, clock_us) if m.channel != "ack"]
        if verdict.answer is not None:
            answers.insert(0, OutgoingReport("ack", verdict.answer.body(), clock_us))
        return before + self._spread(answers, body.get("ack_spread_s"), now_us)

    def _hurry(self) -> list[WireMessage]:
        """Send what still waits for its spread: answers keep the order of the commands."""
        waiting = [message for _, _, message in sorted(self._later, key=lambda entry: entry[:2])]
        self._later = []
        return self._out(waiting)

    def _execute(self, name: str, body: Mapping[str, Any], command_id: str, clock_us: int) -> Sequence[OutgoingReport]:
        wrong = self._wrong(name, body)
        if wrong is None:
            return self.device.command(name, body, clock_us)
        return [OutgoingReport("ack", CommandAnswer(command_id, AckStatus.REJECTED, wrong).body(), clock_us)]

    def _wrong(self, name: str, body: Mapping[str, Any]) -> str | None:
        model = self._kind.command(name)
        if model is None:
            return NOT_SUPPORTED
        try:
            model.model_validate({k: v for k, v in body.items() if k not in HEAD})
        except ValidationError:
            return NOT_VALID
        return None

    def _spread(self, answers: Sequence[OutgoingReport], spread_s: object, now_us: int) -> list[WireMessage]:
        if not isinstance(spread_s, int | float) or spread_s <= 0:
            return self._out(answers)
        at_us = now_us + round(self._chance.uniform(0, float(spread_s)) * SECOND_US)
        for answer in answers:
            self._remember(answer)
            self._order += 1
            heapq.heappush(self._later, (at_us, self._order, answer))
        return []

    def _out(self, messages: Iterable[OutgoingReport]) -> list[WireMessage]:
        wires: list[WireMessage] = []
        for message in messages:
            self._remember(message)
            if self._kept is not None and message.retained:
                self._kept[message.channel] = message
                continue
            if message.channel == "state":
                # One that waits is older: the broker must not keep it instead of this.
                self._later = [entry for entry in self._later if entry[2].channel != "state"]
                heapq.heapify(self._later)
            if message.channel == "telemetry" and self._stage.reboots():
                self.sender.reboot(self._new_boot())
                wires.append(self.online().with_fault("reboot"))
            wires += self._stage.on_wire(self.sender.wire(self._stage.on_body(message)))
        return wires

    def _remember(self, message: OutgoingReport) -> None:
        if message.channel == "ack":
            body = message.body
            self._contract.remember(CommandAnswer(body["command_id"], AckStatus(body["status"]), body.get("reason")))


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
