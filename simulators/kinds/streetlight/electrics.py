"""The electrical side of a lamp: a 64 W LED luminaire on 230 V, with its meters."""

import math
import random
from dataclasses import dataclass, field
from typing import Final

from devices.time_us import HOUR_US

GEAR_W: Final = 3.0
STANDBY_W: Final = 0.4
EXPONENT: Final = 1.32
"""Fits 44.7 W at 75 % of 64 W and 5.9 W at 10 %: power falls faster than the level."""


def power_w(level_pct: float, rated_w: float) -> float:
    """Active power at a level in percent."""
    if level_pct <= 0:
        return STANDBY_W
    gear_w = GEAR_W * rated_w / 64
    return float(gear_w + (rated_w - gear_w) * (level_pct / 100) ** EXPONENT)


def power_factor(level_pct: float) -> float:
    """Low when dimmed, 0.9 at three quarters."""
    return 0.35 if level_pct <= 0 else round(0.95 - 0.4 * math.exp(-level_pct / 33), 3)


@dataclass(slots=True)
class LampElectrics:
    """Meters of one lamp. `failed`: the light source is dead, its driver draws standby power only."""

    rated_w: float
    chance: random.Random
    failed: bool = False
    energy_wh: float = 0.0
    operating_h: float = 0.0
    switch_on_count: int = 0
    level_pct: float = 0.0
    _at_us: int | None = field(default=None)

    def advance(self, now_us: int) -> None:
        """Count what the present level used until now."""
        if self._at_us is not None and now_us > self._at_us:
            hours = (now_us - self._at_us) / HOUR_US
            self.energy_wh += self.draws_w() * hours
            self.operating_h += hours if self.level_pct > 0 and not self.failed else 0.0
        self._at_us = now_us if self._at_us is None else max(now_us, self._at_us)

    def set_level(self, level_pct: float, now_us: int) -> None:
        """Another level from now on."""
        self.advance(now_us)
        if self.level_pct <= 0 < level_pct:
            self.switch_on_count += 1
        self.level_pct = level_pct

    def draws_w(self) -> float:
        """Power now, without the meter's noise."""
        return STANDBY_W if self.failed else power_w(self.level_pct, self.rated_w)

    def sample(self, ambient_c: float) -> dict[str, float | int]:
        """What the meters say; V times A times power factor is W."""
        voltage_v = round(self.chance.gauss(231.0, 1.2), 2)
        factor = power_factor(0.0 if self.failed else self.level_pct)
        watts = round(self.draws_w() * self.chance.uniform(0.99, 1.01), 2)
        return {
            "power_w": watts,
            "voltage_v": voltage_v,
            "current_a": round(watts / (voltage_v * factor), 4),
            "power_factor": factor,
            "frequency_hz": round(self.chance.gauss(50.0, 0.012), 3),
            "energy_wh": round(self.energy_wh, 2),
            "operating_h": round(self.operating_h, 3),
            "switch_on_count": self.switch_on_count,
            "supply_loss_count": 3,
            "gear_temperature_c": round(ambient_c + 8 + 18 * watts / self.rated_w, 1),
        }
