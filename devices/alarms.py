"""Alarms: what a rule raises. One open alarm per asset, name and part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from devices.messages import EventSeverity


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """A condition holds since `since_us`."""

    name: str
    since_us: int
    severity: EventSeverity
    part: str = ""
    details: Mapping[str, float | int | bool | str] = field(default_factory=dict)


class AlarmCleared(NamedTuple):
    """A condition ended at `at_us`."""

    name: str
    at_us: int
    part: str = ""


class AlarmNote(NamedTuple):
    """What somebody did to an alarm, or said of it."""

    at_us: int
    by: str
    did: Literal["acknowledge", "shelve", "unshelve", "comment"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A raised alarm as the registry keeps it."""

    alarm_id: str
    asset_id: str
    tenant_id: str
    kind: str
    name: str
    part: str
    severity: EventSeverity
    since_us: int
    raised_us: int
    cleared_us: int | None
    acknowledged_us: int | None
    acknowledged_by: str | None
    comment: str | None
    details: Mapping[str, float | int | bool | str]
    shelved_until_us: int | None = None
    """Until then nobody is to be bothered with it; it stays open, and its return within this time is shelved too."""
    shelved_by: str | None = None
    notes: tuple[AlarmNote, ...] = ()
    """Oldest first."""

    def is_shelved(self, now_us: int) -> bool:
        """Tell whether it is put aside."""
        return self.shelved_until_us is not None and now_us < self.shelved_until_us
