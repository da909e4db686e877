"""What is true, as JSON lines, so that a test can compare: what was sent and confirmed, and what really happened."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from devices.time_us import rfc3339
from simulators.envelope_sender import WireMessage


class GroundTruth(Protocol):
    """Called from one thread."""

    def sent(self, wire: WireMessage, at_us: int) -> int:
        """A message was handed to the connection, or dropped on purpose (fault `drop`); returns its number."""

    def confirmed(self, number: int, at_us: int) -> None:
        """The broker confirmed it (PUBACK)."""

    def fact(self, device_id: str, fact: Mapping[str, Any]) -> None:
        """Something is so, such as a flight or a volume: {"fact": name, …}."""

    def close(self) -> None:
        """Write out everything."""


class TruthFile:
    """Lines `{"type": "message" | "confirmed" | "fact", …}`; a confirmed line names the message's `n`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1 << 16)
        self._number = 0

    def sent(self, wire: WireMessage, at_us: int) -> int:
        """Write a `message` line."""
        self._number += 1
        samples = [
            {"boot_id": i.boot_id, "seq": i.seq, "ts": None if i.ts_us is None else rfc3339(i.ts_us), "part": i.part}
            for i in wire.identities
        ]
        self._write(
            {
                "type": "message",
                "n": self._number,
                "at": rfc3339(at_us),
                "device_id": wire.device_id,
                "topic": wire.topic,
                "bytes": len(wire.payload),
                "sha256": hashlib.sha256(wire.payload).hexdigest(),
                "retained": wire.retained,
                "samples": samples,
                "faults": list(wire.faults),
            }
        )
        return self._number

    def confirmed(self, number: int, at_us: int) -> None:
        """Write a `confirmed` line."""
        self._write({"type": "confirmed", "n": number, "at": rfc3339(at_us)})

    def fact(self, device_id: str, fact: Mapping[str, Any]) -> None:
        """Write a `fact` line."""
        self._write({"type": "fact", **fact, "device_id": device_id})

    def close(self) -> None:
        """Flush and close."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":"), default=str) + "\n")


class NoTruth:
    """Keeps nothing."""

    def sent(self, wire: WireMessage, at_us: int) -> int:
        """Ignore."""
        return 0

    def confirmed(self, number: int, at_us: int) -> None:
        """Ignore."""

    def fact(self, device_id: str, fact: Mapping[str, Any]) -> None:
        """Ignore."""

    def close(self) -> None:
        """Nothing is open."""
