"""A lamp's newest sample as the rules read it."""

from dataclasses import dataclass
from typing import Final

from devices.instants import SECOND_US
from devices.rules import Context, DeviceView, Observation

SETTLE_US: Final = 10 * SECOND_US
"""A sample taken sooner after a change of state says nothing about the new level (fade, warm-up)."""
SUPPLY_LOST_BELOW_V: Final = 50.0
LIT_SHARE: Final = 0.02
"""Of the rated power: what gear draws in standby stays below, a lamp at its lowest level above."""
LIT_ABOVE_W: Final = 1.0
"""The same where the asset has no `rated_power_w`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Values absent in the sample are None."""

    sample: Observation
    level_pct: float | None
    """What the lamp says it does."""
    asked_pct: float | None
    """What is in force; None while that is not known for the sample's time."""
    power_w: float | None
    rated_power_w: float | None
    supplied: bool
    """False: the sample itself tells of lost supply."""

    @property
    def lit(self) -> bool | None:
        """Whether it draws the power of light; by its own word where power is not measured."""
        if self.power_w is not None:
            least_w = LIT_ABOVE_W if self.rated_power_w is None else max(self.rated_power_w * LIT_SHARE, LIT_ABOVE_W)
            return self.power_w >= least_w
        return None if self.level_pct is None else self.level_pct > 0


def read(view: DeviceView, context: Context) -> Reading | None:
    """The sample that has just come; None where something else is the trigger, or the lamp is offline."""
    sample = view.telemetry.get(context.part)
    if context.trigger != "telemetry" or sample is None or view.status == "offline":
        return None
    voltage_v = number(sample, "voltage_v")
    return Reading(
        sample=sample,
        level_pct=number(sample, "level_pct"),
        asked_pct=_asked_pct(view, sample),
        power_w=number(sample, "power_w"),
        rated_power_w=limit(view, "rated_power_w"),
        supplied=voltage_v is None or voltage_v >= SUPPLY_LOST_BELOW_V,
    )


def number(sample: Observation, name: str) -> float | None:
    """A numeric value of a sample."""
    value = sample.values.get(name)
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def limit(view: DeviceView, name: str, default: float | None = None) -> float | None:
    """A number that the registry holds for the asset, else the default."""
    value = view.attributes.get(name)
    return default if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def _asked_pct(view: DeviceView, sample: Observation) -> float | None:
    within = number(sample, "command_level_pct")
    if within is not None:
        return within
    if view.state is None or sample.ts_us < view.state.ts_us + SETTLE_US:
        return None
    return number(view.state, "command_level_pct")
