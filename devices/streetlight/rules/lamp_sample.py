"""A lamp's newest sample as the rules read it."""

from typing import Final, NamedTuple

from devices.messages import AWAY
from devices.rules import DeviceView, LatestObservation, RuleContext
from devices.time_us import SECOND_US

SETTLE_US: Final = 10 * SECOND_US
"""A sample taken sooner after a change of state says nothing about the new level (fade, warm-up)."""
SUPPLY_LOST_BELOW_V: Final = 50.0
LIT_SHARE: Final = 0.02
"""Of the rated power: what gear draws in standby stays below, a lamp at its lowest level above."""
LIT_ABOVE_W: Final = 1.0
"""The same where the asset has no `rated_power_w`."""


class LampSample(NamedTuple):
    """Values absent in the sample are None. Each is looked up when a rule asks for it: a rule asks for few."""

    sample: LatestObservation
    view: DeviceView

    @property
    def level_pct(self) -> float | None:
        """What the lamp says it does."""
        return numeric_value(self.sample, "level_pct")

    @property
    def asked_pct(self) -> float | None:
        """What is in force; None while that is not known for the sample's time."""
        within, state = numeric_value(self.sample, "command_level_pct"), self.view.state
        if within is not None:
            return within
        if state is None or self.sample.ts_us < state.ts_us + SETTLE_US:
            return None
        return numeric_value(state, "command_level_pct")

    @property
    def power_w(self) -> float | None:
        """What the lamp draws."""
        return numeric_value(self.sample, "power_w")

    @property
    def rated_power_w(self) -> float | None:
        """What the registry says it draws at full light."""
        return asset_limit(self.view, "rated_power_w")

    @property
    def supplied(self) -> bool:
        """False: the sample itself tells of lost supply."""
        voltage_v = numeric_value(self.sample, "voltage_v")
        return voltage_v is None or voltage_v >= SUPPLY_LOST_BELOW_V

    @property
    def lit(self) -> bool | None:
        """Whether it draws the power of light; by its own word where power is not measured."""
        power_w, rated_w, level_pct = self.power_w, self.rated_power_w, self.level_pct
        if power_w is not None:
            return power_w >= (LIT_ABOVE_W if rated_w is None else max(rated_w * LIT_SHARE, LIT_ABOVE_W))
        return None if level_pct is None else level_pct > 0


def new_lamp_sample(view: DeviceView, context: RuleContext) -> LampSample | None:
    """The sample that has just come; None where something else is the trigger, or the lamp is offline."""
    sample = view.telemetry.get(context.part)
    if context.trigger != "telemetry" or sample is None or view.status in AWAY:
        return None
    return LampSample(sample, view)


def numeric_value(sample: LatestObservation, name: str) -> float | None:
    """A numeric value of a sample."""
    return _number(sample.values.get(name))


def asset_limit(view: DeviceView, name: str, default: float | None = None) -> float | None:
    """A number that the registry holds for the asset, else the default."""
    value = _number(view.attributes.get(name))
    return default if value is None else value


def _number(value: object) -> float | None:
    if isinstance(value, float):
        return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else None
