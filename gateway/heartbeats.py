"""What the gateway's parts say of themselves, for readiness, the system page and the metrics."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from devices.instants import SECOND_US
from devices.ports.books import Changes, Heartbeat, Heartbeats
from devices.ports.journal import Fill
from devices.ports.registry import Registry
from gateway.loops import Loops
from gateway.timer import Timer

Probe = Callable[[], tuple[bool, int | None, Mapping[str, Any]]]
"""Returns ok, instant of the last success, details."""
_ALARM_PCT = (95, 80, 50)


class Heart:
    """Stepped by one thread."""

    def __init__(self, registry: Registry, probes: Mapping[str, Probe], loops: Loops, timer: Timer) -> None:
        self._registry = registry
        self._probes = probes
        self._loops = loops
        self._timer = timer
        self.newest: dict[str, Heartbeat] = {}

    def step(self) -> None:
        """Write one beat of each part."""
        now_us = time.time_ns() // 1000
        beats = [self._beat(part, probe, now_us) for part, probe in self._probes.items()]
        beats += self._loop_beats(now_us)
        self.newest = {beat.part: beat for beat in beats}
        with self._registry.write() as tx:
            tx.get(Heartbeats).put(beats)
            if self._timer.take("changes"):
                tx.get(Changes).trim()

    @staticmethod
    def _beat(part: str, probe: Probe, now_us: int) -> Heartbeat:
        ok, success_us, detail = probe()
        return Heartbeat(part, now_us, ok, success_us, detail)

    def _loop_beats(self, now_us: int) -> list[Heartbeat]:
        beats = []
        for loop in self._loops.all():
            quiet_us = round((time.monotonic() - loop.last_ok) * SECOND_US)
            ok = loop.trouble is None and loop.died is None
            detail = {"trouble": loop.trouble or "", "failures": loop.failures}
            beats.append(Heartbeat(f"loop/{loop.name}", now_us, ok, now_us - quiet_us, detail))
        return beats


def journal_state(fill: Fill) -> tuple[bool, dict[str, Any]]:
    """Ok below 95 %, and the numbers; `level_pct` is the highest mark that is passed."""
    used_pct = 100 * fill.bytes / fill.bound_bytes
    level = next((mark for mark in _ALARM_PCT if used_pct >= mark), 0)
    return level < _ALARM_PCT[0], {
        "bytes": fill.bytes,
        "bound_bytes": fill.bound_bytes,
        "used_pct": round(used_pct, 2),
        "level_pct": level,
        "messages": fill.messages,
        "oldest_us": fill.oldest_us,
    }
