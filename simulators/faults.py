"""Faults between a device and its link: a pure stage driven by one seeded source of chance."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from simulators.device import OutgoingReport
from simulators.envelope_sender import WireMessage
from simulators.options import FaultOptions

OVERTAKEN_BY: Final = 5
UNTOUCHED: Final = frozenset({"info", "status"})
"""Channels that no fault touches: without them a device is nobody."""
COUNTER_SUFFIXES: Final = ("_octets", "_packets", "_count", "_wh", "_discards", "_errors", "_h", "_mah")

GARBAGE: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda payload: payload[: len(payload) // 2],
    lambda payload: payload.replace(b'"v":1', b'"v":99', 1),
    lambda payload: payload.replace(b'"seq":', b'"seq":NaN,"was":', 1),
    lambda payload: payload.replace(b'"device_id":"', b'"device_id":"not-', 1),
    lambda payload: payload[:-1] + b',"note":"\xff\xfe"}',
)


@dataclass(slots=True)
class _Held:
    wire: WireMessage
    after: int


class FaultStage:
    """Faults of one device. The same options, source and messages give the same result."""

    def __init__(self, options: FaultOptions, chance: random.Random) -> None:
        self._options = options
        self._chance = chance
        self._held: list[_Held] = []
        self._base: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    def reboots(self) -> bool:
        """Tell whether the device reboots before its next message."""
        return self._happens(self._options.reboot)

    def loses_command(self) -> bool:
        """Tell whether the next command is lost on its way down."""
        return self._happens(self._options.drop_commands)

    def on_body(self, message: OutgoingReport) -> OutgoingReport:
        """Reset the counters, before the head is put on."""
        if self._options.reset_counters == 0 or message.channel != "telemetry":
            return message
        return replace(message, body=self._counted(message.body))

    def on_wire(self, wire: WireMessage) -> list[WireMessage]:
        """What is to be sent now, each marked with its faults; a dropped message comes back marked `drop`."""
        if wire.channel in UNTOUCHED:
            return [wire]
        if self._happens(self._options.drop):
            return [wire.with_fault("drop"), *self._overtaken()]
        if self._happens(self._options.garbage):
            spoil = self._chance.choice(GARBAGE)
            wire = replace(wire.with_fault("garbage"), payload=spoil(wire.payload), identities=())
        if self._happens(self._options.reorder):
            overtaken = self._overtaken()
            self._held.append(_Held(wire.with_fault("reorder"), self._chance.randint(1, OVERTAKEN_BY)))
            return overtaken
        twice = [wire.with_fault("duplicate")] if self._happens(self._options.duplicate) else []
        return [wire, *twice, *self._overtaken()]

    def flush(self) -> list[WireMessage]:
        """Everything still held back, at the end."""
        held, self._held = self._held, []
        return [h.wire for h in held]

    def _overtaken(self) -> list[WireMessage]:
        for held in self._held:
            held.after -= 1
        ready = [h.wire for h in self._held if h.after <= 0]
        self._held = [h for h in self._held if h.after > 0]
        return ready

    def _counted(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        part = f"{body.get('part', '')}/"
        counters = dict(_counters(body))
        if self._happens(self._options.reset_counters):
            self._base |= {part + n: self._seen.get(part + n, v) for n, v in counters.items()}
        self._seen |= {part + n: v for n, v in counters.items()}
        return {**body, **{n: _like(body[n], v - self._base.get(part + n, 0)) for n, v in counters.items()}}

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability


def _counters(body: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for name, value in body.items():
        if not name.endswith(COUNTER_SUFFIXES):
            continue
        if isinstance(value, int | float):
            yield name, value
        elif isinstance(value, str) and value.isdigit():
            yield name, int(value)


def _like(original: object, value: float) -> object:
    """As the original was written: 64-bit counters may travel as decimal strings."""
    if isinstance(original, str):
        return str(int(value))
    return round(value, 3)
