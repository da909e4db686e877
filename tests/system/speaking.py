"""A device as its maker first tries it: `mosquitto_pub`, one message each call."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

from devices.time_us import rfc3339
from tests.real_parts import finding
from tests.real_parts.brokers import Broker


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass
class Speaker:
    """One lamp; `seq` rises with each message it makes."""

    broker: Broker
    device_id: str
    tenant_id: str = "kl"
    kind: str = "streetlight"
    boot_id: str = "boot1"
    seq: int = field(default=0)

    def head(self, ts_us: int | None = None, **fields: Any) -> dict[str, Any]:
        """A message's head with the next number, and its fields; `ts` None leaves the time out."""
        seq, self.seq = self.seq, self.seq + 1
        ts = rfc3339(now_us() if ts_us is None else ts_us)
        whole = {"v": 1, "device_id": self.device_id, "ts": ts, "boot_id": self.boot_id, "seq": seq, **fields}
        return {name: value for name, value in whole.items() if value is not None}

    def say(
        self, channel: str, body: dict[str, Any] | bytes, *, retain: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """Publish by `mosquitto_pub` with QoS 1; returns when the broker has acknowledged, or it gave up."""
        program = finding.require_tool("mosquitto_pub")
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        login = self.broker.device
        command = [str(program), "-h", self.broker.host, "-p", str(self.broker.port), "-u", login.user, "-P"]
        command += [login.password, "-q", "1", "-s"]
        command += ["-t", f"city/v1/{self.tenant_id}/{self.kind}/{self.device_id}/{channel}"]
        command += ["-r"] if retain else []
        return subprocess.run(command, input=payload, capture_output=True, timeout=20, check=False)

    def sample(self, ts_us: int | None = None, **fields: Any) -> dict[str, Any]:
        """Publish telemetry and return it."""
        body = self.head(ts_us, **{"level_pct": 40, "power_w": 20.0, **fields})
        said = self.say("telemetry", body)
        assert said.returncode == 0, said.stderr
        return body
