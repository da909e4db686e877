"""How much must be computed again when samples came: from a moment that they cannot have changed to another."""

from collections.abc import Sequence
from dataclasses import dataclass

from devices.fire_drone.flights.flight import DetectedFlight
from devices.fire_drone.flights.sample import DetectionSettings
from devices.time_us import HOUR_US, SECOND_US

LOOK_BACK_US = 6 * HOUR_US
"""On the ground for so long: nothing before matters."""


@dataclass(frozen=True, slots=True)
class RecomputeWindow:
    """Samples in [from_us, to_us); `to_us` None is up to the newest."""

    from_us: int
    to_us: int | None


def recompute_window(
    from_us: int,
    until_us: int,
    earlier: Sequence[DetectedFlight],
    later: Sequence[DetectedFlight],
    settings: DetectionSettings,
) -> RecomputeWindow:
    """Window for new samples in [from_us, until_us]; `earlier` flights newest first, `later` ones oldest first."""
    return RecomputeWindow(_start(from_us, earlier, settings), _end(until_us, later, settings))


def _start(from_us: int, earlier: Sequence[DetectedFlight], settings: DetectionSettings) -> int:
    reach_us = round((settings.bridge_s + settings.close_after_s) * SECOND_US)
    lead_us = round((settings.link_lost_s + 1) * SECOND_US)
    start_us, touched_us, independent = from_us - LOOK_BACK_US, from_us, False
    for flight in earlier:
        if independent or flight.end_us + reach_us < touched_us:
            return max(start_us, flight.end_us + 1)
        start_us, touched_us = _begin(flight) - lead_us, flight.takeoff_us
        independent = flight.armed_us is not None and flight.takeoff_observed
    return start_us


def _end(until_us: int, later: Sequence[DetectedFlight], settings: DetectionSettings) -> int | None:
    reach_us = round((settings.bridge_s + settings.close_after_s) * SECOND_US)
    for flight in later:
        if flight.takeoff_observed and _begin(flight) > until_us + reach_us:
            return _begin(flight)
    return None


def _begin(flight: DetectedFlight) -> int:
    return flight.takeoff_us if flight.armed_us is None else flight.armed_us
