"""A simulated drone: a plan of missions, and what it reports of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from devices.commands.wire import CANCEL
from devices.fire_drone.commands import SetTelemetryRate
from devices.time_us import SECOND_US, rfc3339
from simulators.device import OutgoingReport
from simulators.kinds.fire_drone.battery import BatteryPack
from simulators.kinds.fire_drone.mission import DroneMission, DronePose, offset_position, plan_mission
from simulators.kinds.fire_drone.reports import HomePosition, event_report, info_report, pack_sample, telemetry_report

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

    def fact(self) -> Mapping[str, Any]:
        """As a line of the truth file."""
        times = {"takeoff": self.takeoff_us, "landing": self.landing_us}
        gap = {"gap_from": self.gap_from_us, "gap_until": self.gap_until_us}
        return {
            "fact": "flight",
            "battery_serial": self.battery_serial,
            **{name: rfc3339(at_us) for name, at_us in (times | gap).items() if at_us is not None},
            **({"gap_delivered": self.gap_delivered} if self.gap_from_us is not None else {}),
        }


class SimulatedDrone:
    """Flies missions one after the other; every second one after a quick change of the battery."""

    kind = "fire_drone"
    groups: Sequence[str] = ()

    def __init__(self, device_id: str, home: HomePosition, seed: int, interval_s: float | None = None) -> None:
        self.device_id = device_id
        self._home = home
        self._plans = Random(f"{seed}/{device_id}/plans")
        self._noise = Random(f"{seed}/{device_id}/noise")
        self._interval_s = interval_s or 1.0
        self._packs = [BatteryPack(f"{device_id.upper()}-{n:02d}", 20 + 7 * n) for n in range(1, 5)]
        self._number = 0
        self._mission: DroneMission | None = None
        self._flights: list[TrueFlight] = []
        self._told = 0
        self._held: list[tuple[int, Mapping[str, Any]]] = []
        self._next_us = 0
        self._last_us = 0
        self._pack_due_us = 0
        self._applied: str | None = None
        self._config_version: int | None = None
        self._ground_interval_s = GROUND_INTERVAL_S

    def flights(self) -> Sequence[TrueFlight]:
        """Flights that took off so far, oldest first; the last may still go on."""
        return tuple(flight for flight in self._flights if flight.takeoff_us <= self._last_us)

    def truth(self) -> Sequence[Mapping[str, Any]]:
        """Flights that landed since the last call."""
        landed = [flight for flight in self._flights[self._told :] if flight.landing_us <= self._last_us]
        self._told += len(landed)
        return [flight.fact() for flight in landed]

    def start(self, now_us: int) -> Sequence[OutgoingReport]:
        """Boot on the ground."""
        self._next_us = self._last_us = self._pack_due_us = now_us
        self._draw(now_us + round((FIRST_MISSION_S + self._plans.uniform(0, 60)) * SECOND_US))
        return [self._info(now_us), self._state(now_us)]

    def due_us(self) -> int:
        """Time of the next sample."""
        return self._next_us

    def tick(self, now_us: int) -> Sequence[OutgoingReport]:
        """Report all samples due."""
        sent: list[OutgoingReport] = []
        while self._next_us <= now_us:
            at_us = self._next_us
            sent += self._report(at_us)
            self._schedule(at_us)
        return sent

    def command(self, name: str, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Obey what concerns reporting; there is nothing else, and nothing that lasts to cancel."""
        if name == CANCEL:
            return [self._state(now_us)]
        self._applied = str(body["command_id"])
        ack = OutgoingReport("ack", {"command_id": self._applied, "status": "applied"}, now_us)
        if name == SetTelemetryRate.NAME:
            self._interval_s = 1 / float(body["rate_hz"])
            return [ack, self._state(now_us)]
        return [ack, self._info(now_us), self._state(now_us), *self._sample_now(now_us)]

    def config(self, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Take the rates."""
        version = body.get("version")
        if not isinstance(version, int) or version == self._config_version:
            return []
        self._config_version = version
        self._interval_s = 1 / float(body.get("telemetry_rate_hz") or 1 / self._interval_s)
        self._ground_interval_s = float(body.get("ground_interval_s") or self._ground_interval_s)
        return [self._state(now_us)]

    @property
    def _pack(self) -> BatteryPack:
        return self._packs[self._number % len(self._packs)]

    def _draw(self, arm_us: int) -> None:
        self._number += 1
        self._pack.charge(self._plans.uniform(95, 100))
        self._mission = mission = plan_mission(self._plans, arm_us, self._number)
        gap = mission.gap
        self._flights.append(
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

    def _report(self, at_us: int) -> list[OutgoingReport]:
        mission = self._current(at_us)
        pose = mission.pose(at_us)
        self._pack.use((at_us - self._last_us) / SECOND_US, flying=pose.height_m > 0)
        self._last_us = at_us
        body = self._sample(mission, pose)
        if mission.gap and mission.gap.from_us <= at_us < mission.gap.until_us:
            if mission.gap.kept:
                self._held.append((at_us, body))
            return []
        late = [OutgoingReport("telemetry", held, held_us) for held_us, held in self._held]
        self._held = []
        reports = [*late, OutgoingReport("telemetry", body, at_us), *self._events(mission, at_us, body)]
        if pose.armed and at_us >= self._pack_due_us:
            self._pack_due_us = at_us + round(PACK_INTERVAL_S * SECOND_US)
            reports.append(pack_sample(self._pack, at_us))
        return reports

    def _current(self, at_us: int) -> DroneMission:
        mission = self._mission
        if mission is None:
            raise RuntimeError("tick before start")
        if at_us > mission.disarm_us:
            swap = self._number % 2 == 1
            pause_s = self._plans.uniform(150, 270) if swap else self._plans.uniform(1200, 3000)
            self._draw(mission.disarm_us + round(pause_s * SECOND_US))
        return self._mission or mission

    def _sample(self, mission: DroneMission, pose: DronePose) -> dict[str, Any]:
        lat, lon = offset_position(self._home.lat, self._home.lon, mission.bearing_deg, pose.forward_m)
        heading = (mission.bearing_deg + (180 if pose.homeward else 0)) % 360
        return telemetry_report(self._home, pose, (lat, lon), heading, self._pack, self._noise)

    def _sample_now(self, now_us: int) -> list[OutgoingReport]:
        mission = self._mission
        if mission is None or not self._last_us < now_us < self._next_us:
            return []
        return [OutgoingReport("telemetry", self._sample(mission, mission.pose(now_us)), now_us)]

    def _events(self, mission: DroneMission, at_us: int, body: Mapping[str, Any]) -> list[OutgoingReport]:
        return [
            event_report(name, body, at_us)
            for name, moment in zip(_STAGES, mission.changes_us(), strict=True)
            if name and moment == at_us
        ]

    def _schedule(self, at_us: int) -> None:
        mission = self._current(at_us)
        pose = mission.pose(at_us)
        interval_s = self._interval_s if pose.armed else self._ground_interval_s
        changes = [moment for moment in mission.changes_us() if moment > at_us]
        self._next_us = min([at_us + round(interval_s * SECOND_US), *changes])

    def _info(self, now_us: int) -> OutgoingReport:
        return info_report(self.device_id, self._home, now_us)

    def _state(self, now_us: int) -> OutgoingReport:
        body: dict[str, Any] = {
            "telemetry_rate_hz": round(1 / self._interval_s, 3),
            "rth_altitude_m": 60.0,
            "link_lost_action": "return",
            "control_source": "remote",
            "battery_low_pct": 25.0,
            "battery_critical_pct": 10.0,
        }
        if self._applied is not None:
            body["applied_command_id"] = self._applied
        if self._config_version is not None:
            body["config_version"] = self._config_version
        return OutgoingReport("state", body, now_us, retained=True)
