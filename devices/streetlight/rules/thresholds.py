"""Single values against a limit that the asset may set."""

from dataclasses import dataclass
from typing import Final

from devices.messages import EventSeverity
from devices.rules import DeviceView, Rule, RuleContext, RuleOutcome, RuleState
from devices.streetlight.rules.confirmation import confirm_alarm
from devices.streetlight.rules.lamp_sample import SUPPLY_LOST_BELOW_V, asset_limit, new_lamp_sample, numeric_value

MAINS_V: Final = 230.0
MAINS_TOLERANCE: Final = 0.10
"""EN 50160, 4.2.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldThreshold:
    """A limit on one field; the asset's `attribute` replaces the default."""

    name: str
    field: str
    attribute: str
    default: float
    above: bool
    """True: larger values are bad; False: smaller ones."""
    at_least: float | None = None
    """Values below say nothing here: another rule has them."""
    severity: EventSeverity = EventSeverity.WARNING

    def rule(self) -> Rule:
        """Build the rule: two samples in a row beyond the limit."""

        def rule(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
            return self._judge(view, context, state)

        rule.__name__ = self.name
        side = "above" if self.above else "below"
        rule.__doc__ = f"`{self.field}` {side} the asset's `{self.attribute}` (default {self.default:g})."
        return rule

    def _judge(self, view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
        reading = new_lamp_sample(view, context)
        value = None if reading is None else numeric_value(reading.sample, self.field)
        if reading is None or value is None or (self.at_least is not None and value < self.at_least):
            return RuleOutcome(state)
        bound = asset_limit(view, self.attribute, self.default) or self.default
        bad = value > bound if self.above else value < bound
        details = {self.field: value, "limit": bound}
        return confirm_alarm(
            self.name, reading.sample, context, state, bad=bad, severity=self.severity, details=details
        )


lamp_voltage_too_high: Final = FieldThreshold(
    name="lamp_voltage_too_high",
    field="voltage_v",
    attribute="voltage_max_v",
    default=MAINS_V * (1 + MAINS_TOLERANCE),
    above=True,
    severity=EventSeverity.MAJOR,
).rule()
lamp_voltage_too_low: Final = FieldThreshold(
    name="lamp_voltage_too_low",
    field="voltage_v",
    attribute="voltage_min_v",
    default=MAINS_V * (1 - MAINS_TOLERANCE),
    above=False,
    at_least=SUPPLY_LOST_BELOW_V,
).rule()
high_temperature: Final = FieldThreshold(
    name="high_temperature",
    field="gear_temperature_c",
    attribute="gear_temperature_max_c",
    default=85.0,
    above=True,
).rule()
current_too_high: Final = FieldThreshold(
    name="current_too_high", field="current_a", attribute="current_max_a", default=5.0, above=True
).rule()
