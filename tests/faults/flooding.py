"""`python -m tests.faults.flooding HOST PORT USER PASSWORD RATE SECONDS [NAME]`: one device that says far too much.

A process of its own, on a bare socket; it comes back a moment after it was cut. At its end it prints what it sent, and
how often it was let in and refused.
"""

import json
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Final

from devices.time_us import rfc3339
from tests.faults.rough import packet, text

TURN_S: Final = 0.01
AGAIN_S: Final = 0.5
LINK_S: Final = 2.0
AT_ONCE: Final = 5000


@dataclass
class Flood:
    """What was sent so far."""

    user: str
    rate: float
    name: str = ""
    sent: int = 0
    confirmed: int = 0
    let_in: int = 0
    refused: int = 0
    spans_s: list[float] = field(default_factory=list)
    """How long it spoke each time until it was cut."""

    def run(self, host: str, port: int, password: str, seconds: float) -> None:
        """Send as long as told."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                with socket.create_connection((host, port), timeout=LINK_S) as link:
                    self._connected(link, password, until)
            except OSError:
                pass
            time.sleep(AGAIN_S)

    def _connected(self, link: socket.socket, password: str, until: float) -> None:
        device = self.user.rpartition("/")[2]
        client_id = f"{self.user}/{self.name}" if self.name else device
        head = text(b"MQTT") + b"\x04\xc2\x00\x3c" + text(client_id.encode()) + text(self.user.encode())
        link.sendall(packet(0x10, head + text(password.encode())))
        if link.recv(4)[3:] != b"\0":
            self.refused += 1
            return
        self.let_in += 1
        topic = text(f"city/v1/{self.user}/telemetry".encode())
        began, here = time.monotonic(), 0
        self.spans_s.append(0.0)
        while (now := time.monotonic()) < until:
            self.spans_s[-1] = round(now - began, 2)
            due = round((now - began) * self.rate) - here
            # One second of it at most: who was held up does not make up for it.
            due = min(due, round(self.rate), AT_ONCE)
            link.sendall(b"".join(self._message(device, topic) for _ in range(due)))
            here += due
            self._read(link)
            time.sleep(TURN_S)

    def _message(self, device: str, topic: bytes) -> bytes:
        self.sent += 1
        body = (
            f'{{"v":1,"device_id":"{device}","ts":"{rfc3339(time.time_ns() // 1000)}","boot_id":"flood{self.name}",'
            f'"seq":{self.sent},"level_pct":40,"power_w":20.5}}'
        )
        return packet(0x32, topic + (self.sent % 65_535 + 1).to_bytes(2, "big") + body.encode())

    def _read(self, link: socket.socket) -> None:
        link.settimeout(0)
        try:
            while said := link.recv(65_536):
                self.confirmed += len(said) // 4
            raise ConnectionError("closed")
        except BlockingIOError:
            pass
        finally:
            link.settimeout(LINK_S)


def main() -> None:
    """Flood, then tell."""
    host, port, user, password, rate, seconds, *name = sys.argv[1:]
    flood = Flood(user, float(rate), name="".join(name))
    flood.run(host, int(port), password, float(seconds))
    sys.stdout.write(json.dumps(asdict(flood)) + "\n")


if __name__ == "__main__":
    main()
