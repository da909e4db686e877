"""The night over some lamps: sunset, sunrise, and the levels their programs plan for it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ValidationError

from api.fields import ID
from api.kinds.streetlight.routes.lamps import KIND, Reader
from api.query_admission import Ask
from api.services import Services, Use
from api.time_parameters import TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.ports.desired_configs import DesiredConfigs
from application.ports.inventory import Asset, AssetFilter, AssetRepository
from application.ports.registry import RegistryTransaction
from devices.errors import NotFound
from devices.streetlight.config import LampConfig, LightProgram
from devices.streetlight.night_plan import LampPlace, NightSpan, night_of, program_of, step_starts

ZONE: Final = "Europe/Berlin"
"""Clock of lamps whose configuration names none."""
_MOST: Final = 500
router = APIRouter(tags=[KIND])


class PlannedStep(BaseModel):
    """From here on the level holds until the next step."""

    start: TimeOut
    level_pct: float


class PlannedNight(BaseModel):
    """What one program plans; `lamps` follow it."""

    program_id: str
    lamps: list[str]
    steps: list[PlannedStep]


class LightNight(BaseModel):
    """The night under way or the next; the same from noon to noon. Null: the sun does not set or rise."""

    sunset: TimeOut | None
    sunrise: TimeOut | None
    lat: float
    lon: float
    lamps: int
    """Lamps looked at."""
    programs: list[PlannedNight]
    """Empty where no configuration was ever sent: the lamps then follow a plan of their own."""


@router.get("/light-night")
async def get_light_night(
    who: Reader,
    services: Use,
    question: Ask,
    group: Annotated[str | None, Query(pattern=ID, description="Of these lamps; of all when absent.")] = None,
) -> LightNight:
    """Show sunset, sunrise and planned levels over the lamps of a group, or all: up to 500 are looked at."""
    return await question.answer(lambda _: _light_night(who, services, group), rows=0)


def _light_night(who: Actor, services: Services, group: str | None) -> LightNight:
    with services.registry.read() as tx:
        found = [a for a in _lamps(tx, who, services, group) if a.lat is not None and a.lon is not None]
        if not found:
            raise NotFound("no lamp with a position")
        configs = _configs(tx, [a.asset_id for a in found])
    lat, lon = (sum(getattr(a, name) for a in found) / len(found) for name in ("lat", "lon"))
    place = LampPlace(lat, lon, _zone(configs))
    over = night_of(place, services.now_us())
    return LightNight(
        sunset=over.sunset_us,
        sunrise=over.sunrise_us,
        lat=round(lat, 6),
        lon=round(lon, 6),
        lamps=len(found),
        programs=_programs(configs, place, over),
    )


def _lamps(tx: RegistryTransaction, who: Actor, services: Services, group: str | None) -> Sequence[Asset]:
    if group is not None:
        authorization.own_group(tx, who, group)
    visible = authorization.visible_things(who, services.catalog, KIND)
    which = AssetFilter(kinds=visible.kinds, also=visible.assets, tenant_ids=who.tenants(), group_id=group)
    return tx.get(AssetRepository).find(which, _MOST, None).items


def _configs(tx: RegistryTransaction, asset_ids: Sequence[str]) -> Mapping[str, LampConfig]:
    found: dict[str, LampConfig] = {}
    for asset_id in asset_ids:
        try:
            found[asset_id] = LampConfig.model_validate(tx.get(DesiredConfigs).get(asset_id).body)
        except (NotFound, ValidationError):
            continue
    return found


def _zone(configs: Mapping[str, LampConfig]) -> ZoneInfo:
    named = next((c.time_zone for c in configs.values() if c.time_zone), ZONE)
    try:
        return ZoneInfo(named)
    except (KeyError, ValueError):
        return ZoneInfo(ZONE)


def _programs(configs: Mapping[str, LampConfig], place: LampPlace, over: NightSpan) -> list[PlannedNight]:
    followed: dict[str, tuple[LightProgram, list[str]]] = {}
    for asset_id, config in configs.items():
        program = program_of(config, over.date)
        if program is not None:
            followed.setdefault(program.program_id, (program, []))[1].append(asset_id)
    return [
        PlannedNight(program_id=name, lamps=lamps, steps=_steps(program, place, over.date))
        for name, (program, lamps) in followed.items()
    ]


def _steps(program: LightProgram, place: LampPlace, begins: date) -> list[PlannedStep]:
    days = (begins, begins + timedelta(days=1))
    starts = sorted(step for day in days for step in step_starts(program, place, day))
    return [PlannedStep(start=start_us, level_pct=level) for start_us, level in starts]
