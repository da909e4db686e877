"""Live against booked: pure. Low use proves nothing; used, provisioned and tested are three figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from devices.event_network.city_event import Booking
from devices.event_network.enums import TrafficDirection

SATURATED: Final = 0.95


class BreachReason(StrEnum):
    """Why a booking is not kept."""

    OUTAGE = "outage"
    TESTED_BELOW_BOOKED = "tested_below_booked"
    PROVISIONED_BELOW_BOOKED = "provisioned_below_booked"
    FULL_BELOW_BOOKED = "full_below_booked"
    """In use to 95 % of what is provisioned, and that is less than booked."""
    LOSS = "loss"
    RTT = "rtt"
    JITTER = "jitter"


@dataclass(frozen=True, slots=True)
class BookingBreach:
    """One broken promise: what was found against what was promised, in the unit of the reason (bit/s, %, ms)."""

    reason: BreachReason
    direction: TrafficDirection | None = None
    found: float | None = None
    promised: float | None = None


@dataclass(frozen=True, slots=True)
class DirectionFigures:
    """One direction of a line, in bit/s; None is unknown."""

    used_bps: float | None = None
    provisioned_bps: float | None = None
    tested_bps: float | None = None
    booked_bps: float | None = None

    @property
    def full(self) -> bool:
        """Hint, no breach: in use to 95 % of what was booked."""
        return _at_least(self.used_bps, self.booked_bps)


@dataclass(frozen=True, slots=True)
class PathQuality:
    """Quality of the path now; None is unknown. `down`: a link of the line says it is down."""

    loss_pct: float | None = None
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    down: bool = False


def booking_breaches(
    booking: Booking, down: DirectionFigures, up: DirectionFigures, path: PathQuality, *, in_service: bool
) -> list[BookingBreach]:
    """Broken promises; none outside service time."""
    if not in_service:
        return []
    found = [BookingBreach(BreachReason.OUTAGE)] if path.down else []
    for direction, figures in ((TrafficDirection.DOWN, down), (TrafficDirection.UP, up)):
        found += _of_rates(direction, figures)
    if not _over(down) and not _over(up):
        found += _of_path(booking, path)
    return found


def _of_rates(direction: TrafficDirection, f: DirectionFigures) -> Iterator[BookingBreach]:
    booked = f.booked_bps
    if booked is None:
        return
    if f.tested_bps is not None and f.tested_bps < booked:
        yield BookingBreach(BreachReason.TESTED_BELOW_BOOKED, direction, f.tested_bps, booked)
    if f.provisioned_bps is not None and f.provisioned_bps < booked:
        yield BookingBreach(BreachReason.PROVISIONED_BELOW_BOOKED, direction, f.provisioned_bps, booked)
        if _at_least(f.used_bps, f.provisioned_bps):
            yield BookingBreach(BreachReason.FULL_BELOW_BOOKED, direction, f.used_bps, booked)


def _of_path(booking: Booking, path: PathQuality) -> Iterator[BookingBreach]:
    """Targets hold only while no more than booked is used."""
    for reason, found, promised in (
        (BreachReason.LOSS, path.loss_pct, booking.max_loss_pct),
        (BreachReason.RTT, path.rtt_ms, booking.max_rtt_ms),
        (BreachReason.JITTER, path.jitter_ms, booking.max_jitter_ms),
    ):
        if found is not None and promised is not None and found > promised:
            yield BookingBreach(reason, None, found, promised)


def _over(f: DirectionFigures) -> bool:
    return f.used_bps is not None and f.booked_bps is not None and f.used_bps >= f.booked_bps


def _at_least(used_bps: float | None, limit_bps: float | None) -> bool:
    return used_bps is not None and bool(limit_bps) and used_bps >= SATURATED * (limit_bps or 0)
