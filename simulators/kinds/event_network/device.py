"""One node of the event network: reports its measured objects, its path and its case; takes bandwidth profiles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from devices.time_us import DAY_US, MINUTE_US, SECOND_US, rfc3339
from simulators.device import OutgoingReport
from simulators.kinds.event_network.case import case_values, last_clear_us, path_values
from simulators.kinds.event_network.crowd import SceneTraffic, repeatable_chance
from simulators.kinds.event_network.scene import MeasuredPart, NodePlace

KIND: Final = "event_network"
INTERVAL_S: Final = 10.0
EXACT: Final = 2**53
"""Larger counters travel as decimal text: readers of JSON may round them."""
SLOW_US: Final = MINUTE_US
RARE_US: Final = 5 * MINUTE_US
TESTED: Final = frozenset({"uplink", "backbone"})


@dataclass(frozen=True, slots=True)
class TrueVolume:
    """Octets that really passed one part between its first and its last sample, in the directions of the interface."""

    device_id: str
    part: str
    object_id: str
    from_us: int
    to_us: int
    in_octets: int
    out_octets: int


@dataclass(slots=True)
class _Seen:
    """What the device remembers of one part."""

    first_us: int
    first: tuple[int, int]
    last_us: int
    last: tuple[int, int]


class SimulatedNode:
    """One node; a pure state machine over the shared true traffic."""

    def __init__(self, place: NodePlace, traffic: SceneTraffic, seed: int, interval_s: float | None = None) -> None:
        self.device_id = place.device_id
        self.kind = KIND
        self.groups: Sequence[str] = ()
        self._place = place
        self._traffic = traffic
        self._seed = seed
        self._interval_us = round((interval_s or INTERVAL_S) * SECOND_US)
        self._due_us = 0
        self._slow_us = self._rare_us = self._test_us = 0
        self._boot_us = 0
        self._tests: list[tuple[MeasuredPart, str]] = []
        self._cleared_us: int | None = None
        self._base: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, _Seen] = {}
        self._applied: str | None = None
        self._profile: dict[str, int] = {}
        self._version: int | None = None

    def start(self, now_us: int) -> Sequence[OutgoingReport]:
        """Boot. From the second time on the counters begin at zero."""
        rebooted = self._boot_us > 0
        self._boot_us, self._cleared_us = now_us, None
        self._traffic.begin(now_us)
        self._base = {p.name: self._true(p, now_us) if rebooted else self._first(p) for p in self._place.parts}
        phase = round(repeatable_chance(self._seed, self.device_id) * self._interval_us)
        self._due_us = now_us + 1 + phase if not rebooted else now_us + self._interval_us
        self._slow_us = self._rare_us = self._due_us
        self._test_us = self._test_us or self._due_us + MINUTE_US
        return [self._info(now_us), self._state(now_us)]

    def due_us(self) -> int:
        """When the next samples are due."""
        return self._due_us

    def tick(self, now_us: int) -> Sequence[OutgoingReport]:
        """Samples due by now, each with its own time."""
        sent: list[OutgoingReport] = []
        while self._due_us <= now_us:
            sent += self._samples(self._due_us)
            self._due_us += self._interval_us
        return sent

    def command(self, name: str, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Set the profile of one class; nothing else is known."""
        answer = {"command_id": body.get("command_id")}
        if name != "set_profile":
            return [OutgoingReport("ack", {**answer, "status": "rejected", "reason": "not_supported"}, now_us)]
        for direction in ("down", "up"):
            self._profile[f"{body['service_class']}_{direction}_bps"] = int(body[f"{direction}_bps"])
        self._applied = body.get("command_id")
        self._enforce()
        return [OutgoingReport("ack", {**answer, "status": "applied"}, now_us), self._state(now_us)]

    def config(self, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Take interval and profile."""
        if body.get("reporting_interval_s"):
            self._interval_us = round(float(body["reporting_interval_s"]) * SECOND_US)
        if body.get("profile") is not None:
            self._profile = {str(k): int(v) for k, v in body["profile"].items()}
            self._enforce()
        self._version = body.get("config_version", self._version)
        return [self._state(now_us)]

    def truth(self) -> Sequence[TrueVolume]:
        """What really passed each part between its first and last sample."""
        ids = {p.name: p.object_id for p in self._place.parts}
        return [
            TrueVolume(
                self.device_id, name, ids[name], s.first_us, s.last_us, s.last[0] - s.first[0], s.last[1] - s.first[1]
            )
            for name, s in self._seen.items()
        ]

    def _samples(self, at_us: int) -> Iterator[OutgoingReport]:
        slow, rare = at_us >= self._slow_us, at_us >= self._rare_us
        self._slow_us += SLOW_US if slow else 0
        self._rare_us += RARE_US if rare else 0
        self._clear(at_us)
        for part in self._place.parts:
            yield OutgoingReport("telemetry", self._link(part, at_us, slow=slow, rare=rare), at_us)
        if slow:
            yield OutgoingReport("telemetry", case_values(self._place, self._seed, at_us, self._boot_us), at_us)
        if at_us >= self._test_us:
            self._test_us += DAY_US
            self._tests = [(p, d) for p in self._place.parts if p.role in TESTED for d in ("down", "up")]
        if self._tests:
            yield self._test(*self._tests.pop(0), at_us)

    def _link(self, part: MeasuredPart, at_us: int, *, slow: bool, rare: bool) -> dict[str, Any]:
        true = self._true(part, at_us)
        seen = self._seen.setdefault(part.name, _Seen(at_us, true, at_us, true))
        seen.last_us, seen.last = at_us, true
        peaks = [self._traffic.peak_bps(part, d, at_us) for d in _directions(part)]
        body: dict[str, Any] = {
            "part": part.name,
            **dict(zip(("in_octets", "out_octets"), map(_exact, self._counters(part, true)), strict=True)),
            **dict(zip(("in_bps_max_1s", "out_bps_max_1s"), peaks, strict=True)),
        }
        if slow:
            body |= {"oper_status": "UP", **path_values(part, self._seed, at_us)}
            users = self._traffic.users(part, at_us)
            body |= {} if users is None else {"wifi_clients": users, "channel_utilization_pct": min(95.0, users / 7)}
        if rare:
            body |= {"speed_bps": part.speed_bps, "counter_bits": part.counter_bits, "medium": part.medium}
            body |= {"service_class": part.service_class} if part.service_class else {}
        return body if self._cleared_us is None else {**body, "last_clear": rfc3339(self._cleared_us)}

    def _counters(self, part: MeasuredPart, true: tuple[int, int]) -> tuple[int, int]:
        """What the counters read: true octets since boot or clearing, within their width."""
        base, wide = self._base[part.name], 2**part.counter_bits
        return (true[0] - base[0]) % wide, (true[1] - base[1]) % wide

    def _clear(self, at_us: int) -> None:
        """Somebody clears the counters once a day."""
        cleared = last_clear_us(at_us)
        if self._place.clears_daily and cleared > max(self._boot_us, self._cleared_us or 0):
            self._cleared_us = cleared
            self._base = {p.name: self._true(p, cleared) for p in self._place.parts}

    def _true(self, part: MeasuredPart, at_us: int) -> tuple[int, int]:
        first, second = _directions(part)
        return self._traffic.octets(part, first, at_us), self._traffic.octets(part, second, at_us)

    @staticmethod
    def _first(part: MeasuredPart) -> tuple[int, int]:
        return -part.first_octets, -part.first_octets

    def _test(self, part: MeasuredPart, direction: str, at_us: int) -> OutgoingReport:
        """One capacity test after the other; what a line gives is a little less than its speed."""
        gives = 0.93 + 0.02 * repeatable_chance(self._seed, part.object_id, direction, "test")
        body: dict[str, Any] = {"measured_part": part.name, "method": "rfc9097_udp", "direction": direction}
        body |= {"duration_s": 10.0, "result_bps": round(part.speed_bps * gives), "severity": "info"}
        return OutgoingReport("event", body, at_us, name="capacity_test")

    def _enforce(self) -> None:
        for part in self._place.parts:
            for direction in ("down", "up"):
                limit = self._profile.get(f"{part.service_class}_{direction}_bps")
                key = (part.object_id, direction)
                self._traffic.limits.pop(key, None)
                if limit is not None:
                    self._traffic.limits[key] = limit

    def _info(self, now_us: int) -> OutgoingReport:
        body: dict[str, Any] = {
            "maker": "herzlich digital", "model": "MoGLi", "firmware": "4.2.0", "serial": self.device_id.upper(),
            "role": self._place.role, "parts": [p.name for p in self._place.parts], "delivery_window_s": 10.0,
            "lat": self._place.lat, "lon": self._place.lon, "capabilities": ["set_profile"],
        }  # fmt: skip
        return OutgoingReport("info", body, now_us, retained=True)

    def _state(self, now_us: int) -> OutgoingReport:
        body: dict[str, Any] = {"applied": dict(self._profile), "applied_at": rfc3339(now_us), "profile_result": "ok"}
        body |= {"applied_command_id": self._applied} if self._applied else {}
        body |= {"config_version": self._version} if self._version is not None else {}
        return OutgoingReport("state", body, now_us, retained=True)


def _directions(part: MeasuredPart) -> tuple[str, str]:
    """Users' directions of the interface's `in` and `out`."""
    return ("down", "up") if part.down_is == "in" else ("up", "down")


def _exact(counter: int) -> int | str:
    return counter if counter < EXACT else str(counter)
