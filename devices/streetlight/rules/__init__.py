"""What is watched at a lamp: one rule per file, pure."""

from typing import Final

from devices.generic_rules import device_offline, implausible_value, login_refused, quota_exceeded, silence_rule
from devices.rules import Rule
from devices.streetlight.limits import LIMITS
from devices.streetlight.rules.cycling_failure import cycling_failure
from devices.streetlight.rules.lamp_failure import lamp_failure
from devices.streetlight.rules.lamp_power import lamp_power_too_high, lamp_power_too_low
from devices.streetlight.rules.lamp_unexpectedly_on import lamp_unexpectedly_on
from devices.streetlight.rules.power_factor_too_low import power_factor_too_low
from devices.streetlight.rules.reported_faults import reported_faults
from devices.streetlight.rules.supply_loss import supply_loss
from devices.streetlight.rules.thresholds import (
    current_too_high,
    high_temperature,
    lamp_voltage_too_high,
    lamp_voltage_too_low,
)

RULES: Final[tuple[Rule, ...]] = (
    lamp_failure,
    lamp_unexpectedly_on,
    lamp_power_too_high,
    lamp_power_too_low,
    lamp_voltage_too_high,
    lamp_voltage_too_low,
    current_too_high,
    power_factor_too_low,
    high_temperature,
    cycling_failure,
    supply_loss,
    reported_faults,
    implausible_value,
    silence_rule(LIMITS),
    device_offline,
    login_refused,
    quota_exceeded,
)
