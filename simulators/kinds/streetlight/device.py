"""A lamp controller: follows its plan, brightens for passers-by, obeys commands, meters and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from devices.commands.wire import CANCEL, HEAD
from devices.streetlight.commands import DimCommand, ResumeCommand
from devices.streetlight.config import LampConfig
from devices.streetlight.enums import LevelOperation, LevelReason
from devices.time_us import MINUTE_US, SECOND_US, rfc3339, to_us
from simulators.device import OutgoingReport
from simulators.kinds.streetlight.electrics import LampElectrics
from simulators.kinds.streetlight.overrides import DimOverride, OverrideStack
from simulators.kinds.streetlight.passers import MotionDetector
from simulators.kinds.streetlight.plan import LampPlan
from simulators.kinds.streetlight.weather import ambient_c, humidity_pct, illuminance_lx

FLOOR_PCT: Final = 10.0
PRESENCE_PCT: Final = 90.0
PRESENCE_FADE_S: Final = 2.0
RAISED: Final = "raised to the floor"


@dataclass(frozen=True, slots=True)
class LampSite:
    """Where a lamp stands and what is written on it."""

    device_id: str
    lat: float
    lon: float
    rated_w: float = 64.0
    groups: tuple[str, ...] = ()
    sensors: bool = False
    """Weather sensors on the pole."""


@dataclass(frozen=True, slots=True)
class LevelInForce:
    """The level in force and why."""

    level_pct: float
    reason: LevelReason
    ref: str | None = None
    until_us: int | None = None
    command_id: str | None = None
    fade_s: float = 0.0


class SimulatedLamp:
    """A SimulatedDevice and TellsTruth of the kind streetlight."""

    kind = "streetlight"

    def __init__(
        self, place: LampSite, electrics: LampElectrics, watch: MotionDetector | None, interval_s: float, offset_us: int
    ) -> None:
        self.device_id = place.device_id
        self.groups: Sequence[str] = place.groups
        self._place, self._electrics, self._watch = place, electrics, watch
        self._interval_us, self._offset_us = round(interval_s * SECOND_US), offset_us
        self._plan = LampPlan(place.lat, place.lon)
        self._config, self._config_version = LampConfig(), 0
        self._overrides = OverrideStack()
        self._waiting: dict[str, int] = {}
        self._now = LevelInForce(0.0, LevelReason.PROGRAM)
        self._fade_from, self._fade_since_us, self._fading = 0.0, 0, False
        self._looked_us = 0
        self._found_dark = False
        self._report_us = self._reported_us = 0
        self._facts: list[Mapping[str, Any]] = []

    def start(self, now_us: int) -> Sequence[OutgoingReport]:
        """Boot: info and state; telemetry follows spread over the first interval, so that a street does not shout."""
        self._report_us = now_us + self._offset_us % self._interval_us
        self._reported_us = now_us
        self._now = self._decide(now_us)
        self._fade_from, self._fade_since_us = self._now.level_pct, now_us
        self._electrics.set_level(self._now.level_pct, now_us)
        if self._electrics.failed:
            self._facts.append({"fact": "light_source_failed", "at": rfc3339(now_us)})
        return [OutgoingReport("info", self._info(), now_us, retained=True), self._state(now_us)]

    def due_us(self) -> int:
        """The next report, or the next instant at which the level may change."""
        return min(self._report_us, self._change_us)

    def tick(self, now_us: int) -> Sequence[OutgoingReport]:
        """Answers of commands whose start has come, the new state, the report."""
        out = [*self._started(now_us), *self._settle(now_us)]
        if now_us >= self._report_us:
            out += [self._telemetry(now_us), *self._detect(now_us)]
            self._report_us += max(1, (now_us - self._report_us) // self._interval_us + 1) * self._interval_us
        return out

    def command(self, name: str, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Dim, resume, cancel."""
        command_id = body["command_id"]
        if name == CANCEL:
            self._waiting.pop(command_id, None)
            return self._settle(now_us, always=self._overrides.drop(command_id))
        arguments = {k: v for k, v in body.items() if k not in HEAD}
        if name == ResumeCommand.NAME:
            self._overrides.resume(LevelReason(ResumeCommand.model_validate(arguments).priority))
            return [self._ack(command_id, "applied", now_us), *self._settle(now_us, named=command_id)]
        override = self._override(DimCommand.model_validate(arguments), body, now_us)
        self._overrides.put(override)
        if override.start_us > now_us:
            self._waiting[command_id] = override.start_us
            self._settle(now_us)
            return [self._ack(command_id, "accepted", now_us)]
        raised = 0 < DimCommand.model_validate(arguments).level_pct < override.level_pct
        ack = self._ack(command_id, "applied", now_us, RAISED if raised else self._held_by(override, now_us))
        return [ack, *self._settle(now_us, always=True)]

    def config(self, body: Mapping[str, Any], now_us: int) -> Sequence[OutgoingReport]:
        """Take a newer configuration; one that is not understood changes nothing but is told as a fault."""
        version = body.get("version")
        if not isinstance(version, int) or version == self._config_version:
            return []
        try:
            config = LampConfig.model_validate({k: v for k, v in body.items() if k not in {"v", "version"}})
            self._plan.use(config)
        except (ValidationError, KeyError, ValueError):
            return [self._state(now_us, faults=("invalid_program",))]
        self._config, self._config_version = config, version
        if config.groups is not None:
            self.groups = config.groups
        if config.reporting_interval_s is not None:
            self._interval_us = round(config.reporting_interval_s * SECOND_US)
            self._report_us = min(self._report_us, now_us + self._interval_us)
        return self._settle(now_us, always=True)

    def truth(self) -> Sequence[Mapping[str, Any]]:
        """Failures and what was in force."""
        facts, self._facts = self._facts, []
        return facts

    @property
    def _change_us(self) -> int:
        """The plan is looked at each minute; presence only where the plan wants light."""
        after_us = self._looked_us
        change = (after_us // MINUTE_US + 1) * MINUTE_US
        override_us = self._overrides.next_change_us(after_us)
        if override_us is not None:
            change = min(change, override_us)
        if self._fading:
            change = min(change, self._faded_us)
        if self._watch is not None and self._plan.at(after_us)[0] > 0:
            change = min(change, self._watch.next_change_us(after_us))
        return change

    @property
    def _faded_us(self) -> int:
        return self._fade_since_us + round(self._now.fade_s * SECOND_US)

    def _settle(self, now_us: int, *, always: bool = False, named: str | None = None) -> list[OutgoingReport]:
        """Bring the light to what is in force now; tells the state where that, or who asked for it, has changed."""
        self._overrides.expire(now_us)
        before, self._now = self._now, self._decide(now_us)
        level = self._level(now_us, before)
        self._electrics.set_level(level, now_us)
        faded = self._fading and now_us >= self._faded_us
        if before == self._now and not always and named is None and not faded:
            return []
        if before.level_pct != self._now.level_pct:
            self._fade_from, self._fade_since_us = level, now_us
            self._electrics.set_level(self._now.level_pct, now_us)
        self._fading = now_us < self._faded_us
        return [self._state(now_us, named=named)]

    def _decide(self, now_us: int) -> LevelInForce:
        """Climb the ladder: plan, presence, then each rung's newest override."""
        self._looked_us = now_us
        level, program = self._plan.at(now_us)
        now = LevelInForce(level, LevelReason.PROGRAM, program)
        if level > 0 and self._watch is not None and self._watch.active(now_us):
            lit = max(level, PRESENCE_PCT)
            now = LevelInForce(lit, LevelReason.SENSOR, f"{self.device_id}-motion", fade_s=PRESENCE_FADE_S)
        for o in self._overrides.ladder(now_us):
            level = o.operation.on(o.level_pct, now.level_pct)
            now = LevelInForce(level, o.reason, o.command_id, o.until_us, o.command_id, o.fade_s)
        return now

    def _level(self, now_us: int, command: LevelInForce) -> float:
        """What the lamp does: on the way from the last level to the one in force."""
        fade_us = command.fade_s * SECOND_US
        if now_us - self._fade_since_us >= fade_us:
            return command.level_pct
        share = (now_us - self._fade_since_us) / fade_us
        return round(self._fade_from + (command.level_pct - self._fade_from) * share, 1)

    def _override(self, dim: DimCommand, body: Mapping[str, Any], now_us: int) -> DimOverride:
        """An end is always there: a command without one ends after the configured or the default duration."""
        start_us = _instant(body.get("start_at"), now_us)
        default_s = self._config.default_override_s or DimCommand.DEFAULT_EFFECT_S
        floor = FLOOR_PCT if self._config.floor_pct is None else self._config.floor_pct
        level = max(dim.level_pct, floor) if dim.level_pct > 0 else 0.0
        return DimOverride(
            command_id=body["command_id"],
            level_pct=level,
            operation=LevelOperation(dim.operation),
            reason=LevelReason(dim.priority),
            start_us=start_us,
            until_us=_instant(body.get("until"), start_us + round(default_s * SECOND_US)),
            fade_s=dim.fade_s,
        )

    def _held_by(self, override: DimOverride, now_us: int) -> str | None:
        above = [o for o in self._overrides.ladder(now_us) if o.reason.rung < override.reason.rung]
        return f"{above[-1].reason.value} holds above it" if above else None

    def _started(self, now_us: int) -> list[OutgoingReport]:
        begun = [c for c, start_us in self._waiting.items() if start_us <= now_us]
        for command_id in begun:
            del self._waiting[command_id]
        return [self._ack(command_id, "applied", now_us) for command_id in begun]

    def _ack(self, command_id: str, status: str, now_us: int, reason: str | None = None) -> OutgoingReport:
        body = {"command_id": command_id, "status": status}
        return OutgoingReport("ack", body if reason is None else {**body, "reason": reason}, now_us)

    def _state(self, now_us: int, *, named: str | None = None, faults: tuple[str, ...] = ()) -> OutgoingReport:
        now = self._now
        command: dict[str, Any] = {"level_pct": now.level_pct, "reason": now.reason.value}
        if now.ref:
            command["ref"] = now.ref
        if now.until_us is not None:
            command["until"] = rfc3339(now.until_us)
        plan_pct, program = self._plan.at(now_us)
        body: dict[str, Any] = {
            "level_pct": self._level(now_us, now),
            "command": command,
            "plan_level_pct": plan_pct,
            "override_active": now.command_id is not None,
            "standby": True,
            "program_id": program,
            "clock_valid": True,
            "faults": [*faults, *(["lamp_failure"] if self._found_dark else [])],
        }
        if (now.command_id or named) is not None:
            body["applied_command_id"] = now.command_id or named
        if self._config_version:
            body["config_version"] = self._config_version
        return OutgoingReport("state", body, now_us, retained=True)

    def _telemetry(self, now_us: int) -> OutgoingReport:
        level = self._level(now_us, self._now)
        self._electrics.advance(now_us)
        air_c = ambient_c(now_us)
        body: dict[str, Any] = {
            "level_pct": level,
            "command_level_pct": self._now.level_pct,
            **self._electrics.sample(air_c),
            "illuminance_lx": illuminance_lx(self._place.lat, self._place.lon, now_us),
            "rssi_dbm": round(self._electrics.chance.gauss(-78, 3)),
        }
        if self._watch is not None:
            body["road_users"] = self._watch.counted(self._reported_us, now_us)
            body["sampling_s"] = max(0.001, (now_us - self._reported_us) / SECOND_US)
        if self._place.sensors:
            body |= {"ambient_temperature_c": air_c, "relative_humidity_pct": humidity_pct(now_us)}
            body["surface_temperature_c"] = round(air_c - 1.5, 1)
        self._reported_us = now_us
        return OutgoingReport("telemetry", body, now_us)

    def _detect(self, now_us: int) -> list[OutgoingReport]:
        """The controller sees that its light source draws nothing, and keeps saying so until it is replaced."""
        if self._found_dark or not self._electrics.failed or self._now.level_pct <= 0:
            return []
        self._found_dark = True
        event = {"severity": "major", "active": True, "text": "no power drawn at a level above 0"}
        return [OutgoingReport("event", event, now_us, name="lamp_failure"), self._state(now_us)]

    def _info(self) -> Mapping[str, Any]:
        return {
            "maker": "Lautern simulators",
            "model": "SL-64",
            "firmware": "1.4.0",
            "serial": f"SIM-{self.device_id}",
            "lat": self._place.lat,
            "lon": self._place.lon,
            "capabilities": ["dim", "resume", "groups", "programs"],
            "control_type": "dali",
            "rated_power_w": self._place.rated_w,
            "minimum_level_pct": FLOOR_PCT,
            "mounting_height_m": 5.0,
            "colour_temperature_k": 3000,
        }


def _instant(text: object, default_us: int) -> int:
    return to_us(datetime.fromisoformat(text)) if isinstance(text, str) else default_us
