"""A pack that empties in flight and warms up."""

from dataclasses import dataclass
from typing import Final

CELLS: Final = 6
HOVER_PCT_PER_S: Final = 4.2 / 60
"""A full pack lasts about 24 minutes."""
_IDLE_PCT_PER_S: Final = 0.1 / 60
_AMBIENT_C: Final = 18.0
_WARMEST_C: Final = 46.0


@dataclass(slots=True)
class BatteryPack:
    """One of a drone's packs, charged between flights."""

    serial: str
    cycles: int
    charge_pct: float = 99.0
    temperature_c: float = _AMBIENT_C
    current_a: float = 0.0

    def use(self, seconds: float, *, flying: bool) -> None:
        """Let time pass."""
        rate = HOVER_PCT_PER_S if flying else _IDLE_PCT_PER_S
        self.charge_pct = max(1.0, self.charge_pct - rate * seconds)
        goal_c, time_constant_s = (_WARMEST_C, 400.0) if flying else (_AMBIENT_C, 1200.0)
        self.temperature_c += (goal_c - self.temperature_c) * min(1.0, seconds / time_constant_s)
        self.current_a = 21.0 if flying else 0.6

    def charge(self, to_pct: float) -> None:
        """Charge it: one cycle more, and cold again."""
        self.cycles += 1
        self.charge_pct = to_pct
        self.temperature_c = _AMBIENT_C

    @property
    def cell_v(self) -> float:
        """Voltage of each cell under the present load."""
        return 3.3 + 0.9 * self.charge_pct / 100 - 0.006 * self.current_a
