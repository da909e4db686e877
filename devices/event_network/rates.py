"""From counters to bit/s: pure. A counter that is folded, wraps, restarts, stops or lies never makes a spike."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from devices.samples import Value
from devices.time_us import SECOND_US, to_us

FOLD: Final = 2**63
WRAP: Final = 2**32
FASTEST_BPS: Final = 400_000_000_000
"""Assumed for plausibility alone where the speed is unknown."""
GAP_INTERVALS: Final = 3


class RateQuality(StrEnum):
    """What a step between two readings is worth."""

    OK = "ok"
    WRAP = "wrap"
    """A 32-bit counter passed its end once; exact."""
    GAP = "gap"
    """Readings are missing between: volume exact, rate only a mean, no peak."""
    RESET = "reset"
    """The counter began anew: volume is a lower bound, rate unknown."""
    UNDERSAMPLED = "undersampled"
    """A 32-bit counter may have passed its end unseen: volume is a lower bound, rate unknown."""
    IMPLAUSIBLE = "implausible"
    """More than the line can carry: set apart, neither rate nor volume."""


@dataclass(frozen=True, slots=True)
class CounterReading:
    """One counter at one time; `steps` carries forward what is sent on change only (`last_clear_us`, `speed_bps`)."""

    ts_us: int
    boot_id: str
    octets: int
    last_clear_us: int | None = None
    counter_bits: int = 64
    speed_bps: int | None = None
    peak_bps: int | None = None
    """Highest 1-s rate since the reading before, as the device saw it."""


@dataclass(frozen=True, slots=True)
class RateStep:
    """What happened in (from_us, to_us]."""

    from_us: int
    to_us: int
    octets: int
    """Volume; exact or a lower bound, see `quality`."""
    bps: float | None
    peak_bps: float | None
    """Highest rate known for certain: the device's 1-s peak, else the mean."""
    quality: RateQuality
    speed_bps: int | None = None
    set_apart: int = 0
    """Octets of an implausible step."""

    @property
    def utilisation_pct(self) -> float | None:
        """Share of the line in use; None where rate or speed is unknown."""
        return None if self.bps is None or not self.speed_bps else 100 * self.bps / self.speed_bps


def rate_step(before: CounterReading, now: CounterReading, interval_s: float) -> RateStep:
    """Difference of two readings of one counter, `before` being the older; `interval_s` is the expected distance."""
    dt_us = now.ts_us - before.ts_us
    speed = max(before.speed_bps or 0, now.speed_bps or 0)
    delta, quality = _difference(before, now, dt_us, speed)
    bps = delta * 8 * SECOND_US / dt_us
    most = 1.05 * (speed or FASTEST_BPS)
    shown = now.speed_bps or None
    if bps > most:
        return RateStep(before.ts_us, now.ts_us, 0, None, None, RateQuality.IMPLAUSIBLE, shown, delta)
    if quality in {RateQuality.RESET, RateQuality.UNDERSAMPLED}:
        return RateStep(before.ts_us, now.ts_us, delta, None, None, quality, shown)
    if dt_us > GAP_INTERVALS * interval_s * SECOND_US:
        return RateStep(before.ts_us, now.ts_us, delta, bps, None, RateQuality.GAP, shown)
    peak = now.peak_bps if now.peak_bps is not None and bps <= now.peak_bps <= most else bps
    return RateStep(before.ts_us, now.ts_us, delta, bps, peak, quality, shown)


def _difference(before: CounterReading, now: CounterReading, dt_us: int, speed: int) -> tuple[int, RateQuality]:
    """Octets between two readings and how they were found, before the line's speed is considered."""
    if _cleared(before, now):
        return now.octets, RateQuality.RESET
    if now.boot_id != before.boot_id:
        # A collector's restart leaves the counters alone: what passed for certain is the lesser of both readings of it.
        return now.octets - before.octets if now.octets >= before.octets else now.octets, RateQuality.RESET
    small = now.counter_bits == 32
    in_time = bool(speed) and dt_us * speed < WRAP * 8 * SECOND_US
    if now.octets >= before.octets:
        sure = in_time or not small or not speed
        return now.octets - before.octets, RateQuality.OK if sure else RateQuality.UNDERSAMPLED
    wrapped = now.octets - before.octets + WRAP
    if small and in_time and wrapped * 8 * SECOND_US <= 1.02 * speed * dt_us:
        return wrapped, RateQuality.WRAP
    return now.octets, RateQuality.RESET


def _cleared(before: CounterReading, now: CounterReading) -> bool:
    if now.last_clear_us is None or now.last_clear_us == before.last_clear_us:
        return False
    return before.last_clear_us is not None or now.last_clear_us > before.ts_us


def rate_steps(readings: Iterable[CounterReading], interval_s: float) -> Iterator[RateStep]:
    """Steps between readings given in any order; of several at one time the first given counts.

    An implausible reading is passed over: the next is held against the one before it, unless two in a row agree.
    """
    base: CounterReading | None = None
    odd: CounterReading | None = None
    for reading in _carried(_in_order(readings)):
        if base is None:
            base = reading
            continue
        found = rate_step(base, reading, interval_s)
        if found.quality is RateQuality.IMPLAUSIBLE:
            again = rate_step(odd, reading, interval_s) if odd else found
            if again.quality is RateQuality.IMPLAUSIBLE:
                odd = reading
                yield found
                continue
            found = again
        base, odd = reading, None
        yield found


def _in_order(readings: Iterable[CounterReading]) -> list[CounterReading]:
    first: dict[int, CounterReading] = {}
    for reading in readings:
        first.setdefault(reading.ts_us, reading)
    return [first[ts] for ts in sorted(first)]


def _carried(readings: Iterable[CounterReading]) -> Iterator[CounterReading]:
    """Fill in what is sent on change only; the instant of clearing holds within a boot."""
    clear: int | None = None
    speed: int | None = None
    boot: str | None = None
    for reading in readings:
        clear = reading.last_clear_us if reading.last_clear_us is not None or reading.boot_id != boot else clear
        speed = reading.speed_bps if reading.speed_bps is not None else speed
        boot = reading.boot_id
        same = clear == reading.last_clear_us and speed == reading.speed_bps
        yield reading if same else replace(reading, last_clear_us=clear, speed_bps=speed)


def counter_readings(rows: Sequence[tuple[int, Mapping[str, Value]]], direction: str) -> list[CounterReading]:
    """Readings of the interface's direction (`in` or `out`) from stored samples, as (ts_us, values); others left out.

    `counter_bits` and `speed_bps` are sent seldom: they are carried forward, the former also back to the first sample.
    """
    bits = next((int(v["counter_bits"]) for _, v in rows if "counter_bits" in v), 64)
    speed: int | None = None
    found = []
    for ts_us, values in rows:
        bits = int(values.get("counter_bits", bits))
        speed = _whole(values.get("speed_bps", speed))
        octets = stored_counter(values, f"{direction}_octets")
        if octets is not None:
            boot, clear = str(values.get("boot_id", "")), _instant(values.get("last_clear"))
            peak = _whole(values.get(f"{direction}_bps_max_1s"))
            found.append(CounterReading(ts_us, boot, octets, clear, bits, speed, peak))
    return found


def stored_counter(values: Mapping[str, Value], name: str) -> int | None:
    """Counter as the device sent it: the stored value modulo 2^63 with its top bit put back."""
    value = _whole(values.get(name))
    return value + FOLD if value is not None and values.get(f"{name}_high") else value


def _whole(value: Value | None) -> int | None:
    return None if value is None or isinstance(value, str) else int(value)


def _instant(value: Value | None) -> int | None:
    return to_us(datetime.fromisoformat(value)) if isinstance(value, str) else None
