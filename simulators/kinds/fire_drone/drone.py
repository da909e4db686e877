"""A simulated drone: a plan of missions, and what it reports of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from devices.instants import SECOND_US
from simulators.device import Outgoing
from simulators.kinds.fire_drone.battery import Pack
from simulators.kinds.fire_drone.mission import Mission, Pose, offset, plan
from simulators.kinds.fire_drone.reports import Home, batch, event, info, pack_sample, sample

GROUND_INTERVAL_S: Final = 10.0
PACK_INTERVAL_S: Final = 10.0
FIRST_MISSION_S: Final = 40.0
_STAGES: Final = ("arm", "takeoff", "", "", "landing", "disarm")


@dataclass(frozen=True, slots=True)
class TrueFlight:
    """What really happened."""

    device_id: str
    takeoff_us: int
    landing_us: int
    battery_serial: str
    gap_from_us: int | None
    gap_until_us: int | None
    gap_delivered: bool


class SimulatedDrone:
    """Flies missions one after the other; every second one after a quick change of the battery."""

    kind = "fire_drone"
    groups: Sequence[str] = ()

    def __init__(self, device_id: str, home: Home, seed: int, interval_s: float | None = None) -> None:
        self.device_id = device_id
        self._home = home
        self._plans = Random(f"{seed}/{device_id}/plans")
        self._noise = Random(f"{seed}/{device_id}/noise")
        self._interval_s = interval_s or 1.0
        self._packs = [Pack(f"{device_id.upper()}-{n:02d}", 20 + 7 * n) for n in range(1, 5)]
        self._number = 0
        self._mission: Mission | None = None
        self._truth: list[TrueFlight] = []
        self._held: list[tuple[int, Mapping[str, Any]]] = []
        self._next_us = 0
        self._last_us = 0
        self._pack_due_us = 0
        self._applied: str | None = None

    def truth(self) -> Sequence[TrueFlight]:
        """Flights that took off so far, oldest first; the last may still go on."""
        return tuple(flight for flight in self._truth if flight.takeoff_us <= self._last_us)

    def start(self, now_us: int) -> Sequence[Outgoing]:
        """Boot on the ground."""
        self._next_us = self._last_us = self._pack_due_us = now_us
        self._draw(now_us + round((FIRST_MISSION_S + self._plans.uniform(0, 60)) * SECOND_US))
        return [self._info(now_us), self._state(now_us)]

    def due_us(self) -> int:
        """Time of the next sample."""
        return self._next_us

    def tick(self, now_us: int) -> Sequence[Outgoing]:
        """Report all samples due."""
        sent: list[Outgoing] = []
        while self._next_us <= now_us:
            at_us = self._next_us
            sent += self._report(at_us)
            self._schedule(at_us)
        return sent

    def command(self, name: str, body: Mapping[str, Any], now_us: int) -> Sequence[Outgoing]:
        """Obey what concerns reporting, refuse everything else."""
        command_id = body.get("command_id")
        if name == "set_telemetry_rate":
            self._interval_s = 1 / float(body["rate_hz"])
        elif name != "request_full_state":
            return [Outgoing("ack", _answer(command_id, "rejected", "not_supported"), now_us)]
        self._applied = command_id
        full = [self._info(now_us)] if name == "request_full_state" else []
        return [Outgoing("ack", _answer(command_id, "applied"), now_us), *full, self._state(now_us)]

    def config(self, body: Mapping[str, Any], now_us: int) -> Sequence[Outgoing]:
        """Take the rate in flight."""
        if body.get("telemetry_rate_hz"):
            self._interval_s = 1 / float(body["telemetry_rate_hz"])
        return [self._state(now_us)]

    @property
    def _pack(self) -> Pack:
        return self._packs[self._number % len(self._packs)]

    def _draw(self, arm_us: int) -> None:
        self._number += 1
        self._pack.charge(self._plans.uniform(95, 100))
        self._mission = mission = plan(self._plans, arm_us, self._number)
        gap = mission.gap
        self._truth.append(
            TrueFlight(
                self.device_id,
                mission.takeoff_us,
                mission.landing_us,
                self._pack.serial,
                gap.from_us if gap else None,
                gap.until_us if gap else None,
                gap_delivered=bool(gap and gap.kept),
            )
        )

    def _report(self, at_us: int) -> list[Outgoing]:
        mission = self._current(at_us)
        pose = mission.pose(at_us)
        self._pack.use((at_us - self._last_us) / SECOND_US, flying=pose.height_m > 0)
        self._last_us = at_us
        body = self._sample(mission, pose)
        if mission.gap and mission.gap.from_us <= at_us < mission.gap.until_us:
            if mission.gap.kept:
                self._held.append((at_us, body))
            return []
        late = [batch(self._held, at_us)] if self._held else []
        self._held = []
        reports = [*late, Outgoing("telemetry", body, at_us), *self._events(mission, at_us, body)]
        if pose.armed and at_us >= self._pack_due_us:
            self._pack_due_us = at_us + round(PACK_INTERVAL_S * SECOND_US)
            reports.append(pack_sample(self._pack, at_us))
        return reports

    def _current(self, at_us: int) -> Mission:
        mission = self._mission
        if mission is None:
            raise RuntimeError("tick before start")
        if at_us > mission.disarm_us:
            swap = self._number % 2 == 1
            pause_s = self._plans.uniform(150, 270) if swap else self._plans.uniform(1200, 3000)
            self._draw(mission.disarm_us + round(pause_s * SECOND_US))
        return self._mission or mission

    def _sample(self, mission: Mission, pose: Pose) -> dict[str, Any]:
        lat, lon = offset(self._home.lat, self._home.lon, mission.bearing_deg, pose.forward_m)
        heading = (mission.bearing_deg + (180 if pose.homeward else 0)) % 360
        return sample(self._home, pose, (lat, lon), heading, self._pack, self._noise)

    def _events(self, mission: Mission, at_us: int, body: Mapping[str, Any]) -> list[Outgoing]:
        return [
            event(name, body, at_us)
            for name, moment in zip(_STAGES, mission.changes_us(), strict=True)
            if name and moment == at_us
        ]

    def _schedule(self, at_us: int) -> None:
        mission = self._current(at_us)
        pose = mission.pose(at_us)
        interval_s = self._interval_s if pose.armed else GROUND_INTERVAL_S
        changes = [moment for moment in mission.changes_us() if moment > at_us]
        self._next_us = min([at_us + round(interval_s * SECOND_US), *changes])

    def _info(self, now_us: int) -> Outgoing:
        return info(self.device_id, self._home, now_us)

    def _state(self, now_us: int) -> Outgoing:
        body: dict[str, Any] = {
            "telemetry_rate_hz": round(1 / self._interval_s, 3),
            "rth_altitude_m": 60.0,
            "link_lost_action": "return",
            "control_source": "remote",
            "battery_low_pct": 25.0,
            "battery_critical_pct": 10.0,
        }
        if self._applied:
            body["applied_command_id"] = self._applied
        return Outgoing("state", body, now_us, retained=True)


def _answer(command_id: str | None, status: str, reason: str | None = None) -> dict[str, Any]:
    return {"command_id": command_id, "status": status, **({"reason": reason} if reason else {})}
