"""What a rule sees and returns. Rules are pure: (view, context, state) → outcome; time is an argument."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from devices.alarms import AlarmCleared, AlarmRaised
from devices.samples import Value


@dataclass(frozen=True, slots=True)
class LatestObservation:
    """Newest known values of one channel and part of a device."""

    ts_us: int
    received_us: int
    values: Mapping[str, Value]
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class DeviceView:
    """All that is known of an asset now. `telemetry` is by part; the sample just accepted is already in it."""

    asset_id: str
    kind: str
    tenant_id: str
    status: str
    """online, offline, sleeping, removed, unreachable, unknown."""
    status_since_us: int
    last_seen_us: int
    state: LatestObservation | None
    info: LatestObservation | None
    telemetry: Mapping[str, LatestObservation]
    attributes: Mapping[str, Any]
    """What the registry says of the asset: position, rated values, labels, reporting interval."""
    configured_interval_s: float | None = None
    """Reporting interval that was configured, where one was; it goes before the asset's."""


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule may know beside the device. Facts are what the kind's reactions supply, by name."""

    now_us: int
    trigger: str
    """Channel that changed (`telemetry`, `state`, `status`, `info`, `event_…`), or `clock` each minute."""
    part: str = ""
    sun_up: bool = False
    parent_down: bool = False
    """What it hangs behind, or who speaks for it, is lost, and whoever sees its alarms sees the one that tells so."""
    unheard: Sequence[str] = ()
    """Of a connector that is lost: ids of the devices that nobody hears now, in order."""
    refused: int = 0
    """With the trigger `clock`: how often brokers refused its login within `generic_rules.REFUSED_WITHIN_S`."""
    over_quota: int = 0
    """With the trigger `clock`: number in a row of the pause that it had of late for saying too much."""
    facts: Mapping[str, Any] = field(default_factory=dict)


RuleState = Mapping[str, Any]
"""JSON-able state of one rule for one asset; {} at first."""


class RuleOutcome(NamedTuple):
    """New state and what began or ended. Raising what is open and clearing what is not change nothing."""

    state: RuleState = MappingProxyType({})
    raised: tuple[AlarmRaised, ...] = ()
    cleared: tuple[AlarmCleared, ...] = ()


Rule = Callable[[DeviceView, RuleContext, RuleState], RuleOutcome]
