"""Lamps as the API shows them: what was asked, what is in force and why, what the lamp does."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, JsonValue

from api import schemas
from api.time_parameters import TimeOut
from application.access.actor import Actor
from application.ports.commands import CommandRepository
from application.ports.inventory import Asset
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.registry import RegistryTransaction
from devices.commands.command import Command, DeliveryState
from devices.samples import Value
from devices.time_us import to_us


class InForce(BaseModel):
    """What the lamp says is in force."""

    level_pct: float | None
    reason: str | None
    ref: str | None
    until: TimeOut | None


class PendingCommand(BaseModel):
    """A command of ours whose effect is pending or in force."""

    command_id: str
    group_id: str | None
    level_pct: float | None
    priority: str | None
    issuer: str
    reason: str
    delivery: DeliveryState
    effect: str
    until: TimeOut | None


class Reason(BaseModel):
    """Part of why a lamp shines as it does: `light.why.CODE` of the catalogue of words, and what fills it.

    A value with a `code` is worded like it; names ending in `_pct` are percent, those in `_at` instants. More codes
    will come: a client leaves out one that it does not know.
    """

    code: str
    params: dict[str, JsonValue] = {}


class Streetlight(schemas.DeviceSchema):
    """A lamp with its light; a value the lamp never told is null."""

    level_pct: float | None
    """What the lamp does."""
    level_at: TimeOut | None
    power_w: float | None
    power_at: TimeOut | None
    suspect: bool
    in_force: InForce | None
    in_force_since: TimeOut | None
    plan_level_pct: float | None
    """What it returns to without overrides."""
    override_active: bool | None
    asked: list[PendingCommand]
    """Newest first."""
    why: list[Reason]
    """What is in force and why, what would be without it, and what is doubtful."""


def streetlight_schemas(tx: RegistryTransaction, who: Actor, assets: Sequence[Asset], now_us: int) -> list[Streetlight]:
    """Show lamps in the given order."""
    ids = [a.asset_id for a in assets]
    rows = _by_channel(tx.get(LatestValues).of_assets(ids))
    asked = _asked(tx.get(CommandRepository).in_force(ids))
    devices = schemas.device_schemas(tx, who, assets, now_us)
    return [_lamp(device, rows, asked.get(device.id, [])) for device in devices]


def _lamp(
    device: schemas.DeviceSchema, rows: Mapping[tuple[str, str], LatestValue], asked: list[PendingCommand]
) -> Streetlight:
    state, sample = rows.get((device.id, "state")), rows.get((device.id, "telemetry"))
    newest = max((r for r in (state, sample) if r is not None and "level_pct" in r.values), key=_time, default=None)
    measured = next((r for r in (sample, state) if r is not None and "power_w" in r.values), None)
    return Streetlight(
        **dict(device),
        level_pct=_number(newest, "level_pct"),
        level_at=None if newest is None else newest.ts_us,
        power_w=_number(measured, "power_w"),
        power_at=None if measured is None else measured.ts_us,
        suspect=sample is not None and sample.suspect,
        in_force=None if state is None else _in_force(state),
        in_force_since=None if state is None else state.ts_us,
        plan_level_pct=_number(state, "plan_level_pct"),
        override_active=None if state is None else bool(state.values.get("override_active", False)),
        asked=asked,
        why=[],
    )


def _in_force(state: LatestValue) -> InForce:
    until = state.values.get("command_until")
    return InForce(
        level_pct=_number(state, "command_level_pct"),
        reason=_text(state.values.get("command_reason")),
        ref=_text(state.values.get("command_ref")),
        until=to_us(datetime.fromisoformat(until)) if isinstance(until, str) else None,
    )


def _asked(commands: Iterable[Command]) -> Mapping[str, list[PendingCommand]]:
    found: dict[str, list[PendingCommand]] = {}
    for command in sorted(commands, key=lambda c: -c.issued_us):
        level = command.arguments.get("level_pct")
        found.setdefault(command.asset_id, []).append(
            PendingCommand(
                command_id=command.command_id,
                group_id=command.group_id,
                level_pct=level if isinstance(level, int | float) else None,
                priority=_text(command.arguments.get("priority")),
                issuer=command.issuer,
                reason=command.reason,
                delivery=command.delivery,
                effect=command.effect.value,
                until=command.until_us,
            )
        )
    return found


def _by_channel(rows: Iterable[LatestValue]) -> Mapping[tuple[str, str], LatestValue]:
    """The lamp's own rows; of several parts the first."""
    found: dict[tuple[str, str], LatestValue] = {}
    for row in rows:
        found.setdefault((row.asset_id, row.channel), row)
    return found


def _time(row: LatestValue) -> int:
    return row.ts_us


def _number(row: LatestValue | None, name: str) -> float | None:
    value = None if row is None else row.values.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Value | Sequence[str] | None) -> str | None:
    return value if isinstance(value, str) else None
