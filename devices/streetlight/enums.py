"""Words that commands, state and configuration of a lamp share."""

from enum import StrEnum


class LevelReason(StrEnum):
    """Why a level is in force, highest rung first: a lower rung waits until the higher ones have ended."""

    EMERGENCY = "emergency"
    MAINTENANCE = "maintenance"
    OVERRIDE = "override"
    SENSOR = "sensor"
    EXCEPTION = "exception"
    PROGRAM = "program"
    DEFAULT = "default"
    FALLBACK = "fallback"

    @property
    def rung(self) -> int:
        """Position on the ladder; a smaller number holds against a larger."""
        return tuple(LevelReason).index(self)


class LevelOperation(StrEnum):
    """How a command's level meets what would be in force without it (TALQ EffectOperation)."""

    SET = "set"
    MAX = "max"
    MIN = "min"

    def on(self, level_pct: float, below_pct: float) -> float:
        """Level in percent that results on top of `below_pct`."""
        if self is LevelOperation.MAX:
            return max(level_pct, below_pct)
        return min(level_pct, below_pct) if self is LevelOperation.MIN else level_pct
