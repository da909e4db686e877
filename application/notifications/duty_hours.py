"""Duty hours: weekly times on the wall clock of a zone, public holidays left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from devices.deferred_module import DeferredModule
from devices.errors import Invalid
from devices.time_us import from_us

if TYPE_CHECKING:
    import holidays
else:
    holidays = DeferredModule("holidays")

ZONE: Final = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class WeeklySpan:
    """On these weekdays (0 is Monday) from a time until another; one not later ends on the next day."""

    weekdays: frozenset[int]
    begins: time
    ends: time

    def holds(self, day: date, at: time, free: frozenset[date]) -> bool:
        """Whether an instant of the wall clock lies within; a span belongs to the day on which it begins."""
        today = day.weekday() in self.weekdays and day not in free
        if self.begins < self.ends:
            return today and self.begins <= at < self.ends
        before = day - timedelta(days=1)
        yesterday = before.weekday() in self.weekdays and before not in free
        return (today and at >= self.begins) or (yesterday and at < self.ends)


@dataclass(frozen=True, slots=True)
class DutyHours:
    """When people want to be told; without spans always. `region` such as `DE-RP` names the public holidays."""

    zone: str = ZONE
    spans: tuple[WeeklySpan, ...] = ()
    region: str | None = None

    def on(self, now_us: int) -> bool:
        """Whether somebody is on duty now. Hours that the spring change skips are never, those of autumn twice."""
        if not self.spans:
            return True
        local = from_us(now_us).astimezone(ZoneInfo(self.zone))
        day, at = local.date(), local.time()
        free = holidays_of(self.region, day.year) | holidays_of(self.region, day.year - 1)
        return any(span.holds(day, at, free) for span in self.spans)


@lru_cache(maxsize=256)
def holidays_of(region: str | None, year: int) -> frozenset[date]:
    """Public holidays of a country or part of it (ISO 3166: `DE`, `DE-RP`) in a year. Raises Invalid."""
    if region is None:
        return frozenset()
    country, _, part = region.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year, expand=False))
    except NotImplementedError:
        raise Invalid("no_holidays_known", region=region, field="duty.region") from None


def dump_duty(duty: DutyHours) -> dict[str, Any]:
    """JSON-able form."""
    spans = [
        {"weekdays": sorted(s.weekdays), "from": f"{s.begins:%H:%M}", "until": f"{s.ends:%H:%M}"} for s in duty.spans
    ]
    return {"zone": duty.zone, "spans": spans, "region": duty.region}


def load_duty(value: Mapping[str, Any]) -> DutyHours:
    """What `dump` made."""
    spans = [
        WeeklySpan(frozenset(s["weekdays"]), time.fromisoformat(s["from"]), time.fromisoformat(s["until"]))
        for s in value["spans"]
    ]
    return DutyHours(value["zone"], tuple(spans), value["region"])
