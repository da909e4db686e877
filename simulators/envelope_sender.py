"""Puts the head on a device's messages and turns them into bytes."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from devices.messages import PROTOCOL_VERSION, StatusState
from devices.time_us import rfc3339
from devices.topics import ROOT, device_base
from simulators.device import OutgoingReport

BATCH_BYTES: Final = 200 * 1024
"""Largest batch when catching up; the backend refuses messages over 256 KiB."""
BATCH_SAMPLES: Final = 1000


@dataclass(frozen=True, slots=True)
class SentSample:
    """Identity of one sample or message, as the backend will see it."""

    boot_id: str
    seq: int
    ts_us: int | None
    part: str = ""


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message as it goes out; a batch names every sample in it."""

    device_id: str
    topic: str
    payload: bytes
    channel: str
    retained: bool = False
    identities: tuple[SentSample, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def boot_id(self) -> str | None:
        """Boot of its samples; None for `status` and for what must be refused."""
        return self.identities[0].boot_id if self.identities else None

    def with_fault(self, name: str) -> "WireMessage":
        """The same message, marked."""
        return replace(self, faults=(*self.faults, name))


class EnvelopeSender:
    """Counts one device's messages within a boot; `boot_id` must be new for every start of a process."""

    def __init__(
        self, *, device_id: str, kind: str, tenant_id: str, boot_id: str, root: str = ROOT, base: str | None = None
    ) -> None:
        self.device_id = device_id
        self.boot_id = boot_id
        self.base = base or device_base(tenant_id, kind, device_id, root)
        self._seq = 0

    def reboot(self, boot_id: str) -> None:
        """Begin a new boot: `seq` starts again."""
        self.boot_id, self._seq = boot_id, 0

    def wire(self, message: OutgoingReport) -> WireMessage:
        """Number a message and serialise it."""
        head: dict[str, Any] = {"v": PROTOCOL_VERSION, "device_id": self.device_id}
        if message.ts_us is not None:
            head["ts"] = rfc3339(message.ts_us)
        seq, self._seq = self._seq, self._seq + 1
        payload = to_json({**head, "boot_id": self.boot_id, "seq": seq, **message.body})
        channel = f"{message.channel}/{message.name}" if message.name else message.channel
        identity = SentSample(self.boot_id, seq, message.ts_us, str(message.body.get("part", "")))
        return WireMessage(
            self.device_id, f"{self.base}/{channel}", payload, message.channel, message.retained, (identity,)
        )

    def status(self, state: StatusState) -> WireMessage:
        """The connection state, also the last will; it carries no `seq`."""
        payload = to_json({"v": PROTOCOL_VERSION, "boot_id": self.boot_id, "state": state.value})
        return WireMessage(self.device_id, f"{self.base}/status", payload, "status", retained=True)


def join_batches(wires: Iterable[WireMessage], limit: int = BATCH_BYTES) -> Iterator[WireMessage]:
    """Join telemetry of one device, boot by boot, into batches of at most `limit` bytes; a lone message stays."""
    waiting: list[WireMessage] = []
    size = 0
    for wire in wires:
        full = size + len(wire.payload) + 1 > limit - len(_OPEN) - len(_CLOSE) or len(waiting) >= BATCH_SAMPLES
        if waiting and (full or wire.boot_id != waiting[-1].boot_id):
            yield _joined(waiting)
            waiting, size = [], 0
        waiting.append(wire)
        size += len(wire.payload) + 1
    if waiting:
        yield _joined(waiting)


_OPEN: Final = b'{"batch":['
_CLOSE: Final = b"]}"


def _joined(wires: Sequence[WireMessage]) -> WireMessage:
    if len(wires) == 1:
        return wires[0]
    payload = _OPEN + b",".join(w.payload for w in wires) + _CLOSE
    identities = tuple(i for w in wires for i in w.identities)
    faults = tuple(dict.fromkeys(f for w in wires for f in w.faults))
    return replace(wires[0], payload=payload, identities=identities, faults=(*faults, "batch"))


def to_json(message: Mapping[str, Any]) -> bytes:
    """Compact JSON."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
