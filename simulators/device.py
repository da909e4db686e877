"""The seam of a simulated device: a state machine driven by time, without sockets or clocks.

The same device fills a day of history in seconds, runs live, or is put under faults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class OutgoingReport:
    """A message the device wants to send; the head (`v`, `device_id`, `ts`, `boot_id`, `seq`) is added by the sender.

    `ts_us` None leaves the time out (a device without a clock).
    """

    channel: str
    body: Mapping[str, Any]
    ts_us: int | None
    name: str = ""
    retained: bool = False


class SimulatedDevice(Protocol):
    """One device. All times are given; the same seed and calls give the same messages."""

    device_id: str
    kind: str
    groups: Sequence[str]

    def start(self, now_us: int) -> Sequence[OutgoingReport]:
        """Boot: info, state."""

    def due_us(self) -> int:
        """When `tick` wants to be called next."""

    def tick(self, now_us: int) -> Sequence[OutgoingReport]:
        """Messages due by now."""

    def command(self, name: str, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Answer a command (not retained, not yet seen, not expired, valid): acks, state.

        The name `cancel` ends the effect of the command that `body["command_id"]` names, or drops what waits for its
        start: only the state is returned, the host sends the answer.
        """

    def config(self, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Take a retained configuration."""


@runtime_checkable
class TellsTruth(Protocol):
    """A device that also says what really happened, such as a flight or a volume; tests compare with it."""

    def truth(self) -> Sequence[Any]:
        """Facts: mappings {"fact": name, …} that are new since the last call, dataclasses that sum up since the start.

        Asked for mappings after each `tick`, for dataclasses at the end.
        """


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What every kind's `fleet(options)` gets; returns a sequence of SimulatedDevice."""

    count: int
    seed: int
    interval_s: float | None = None
    prefix: str | None = None
