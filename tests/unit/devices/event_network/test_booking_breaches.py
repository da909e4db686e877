"""Live against booked: what is a broken promise and what is not."""

import pytest

from devices.event_network.booking_breaches import BreachReason, DirectionFigures, PathQuality, booking_breaches
from tests.unit.devices.event_network.plans import booking

M = 1_000_000
GOOD = DirectionFigures(10 * M, 150 * M, 120 * M, 100 * M)
TARGETS = booking(max_loss_pct=1.0, max_rtt_ms=50.0, max_jitter_ms=10.0)


def reasons(
    down: DirectionFigures = GOOD, path: PathQuality | None = None, *, in_service: bool = True
) -> list[BreachReason]:
    found = booking_breaches(TARGETS, down, DirectionFigures(), path or PathQuality(), in_service=in_service)
    return [b.reason for b in found]


def test_low_use_and_no_use_are_no_breach() -> None:
    assert reasons() == []
    assert reasons(DirectionFigures(0, 150 * M, 120 * M, 100 * M)) == []


def test_the_unknown_is_no_breach() -> None:
    assert reasons(DirectionFigures()) == []
    assert reasons(DirectionFigures(10 * M, None, None, 100 * M)) == []
    assert reasons(DirectionFigures(10 * M, 1, 1, None)) == []


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (DirectionFigures(10 * M, 150 * M, 99 * M, 100 * M), [BreachReason.TESTED_BELOW_BOOKED]),
        (DirectionFigures(10 * M, 99 * M, 120 * M, 100 * M), [BreachReason.PROVISIONED_BELOW_BOOKED]),
        (
            DirectionFigures(48 * M, 50 * M, None, 100 * M),
            [BreachReason.PROVISIONED_BELOW_BOOKED, BreachReason.FULL_BELOW_BOOKED],
        ),
        (DirectionFigures(100 * M, 100 * M, 100 * M, 100 * M), []),
    ],
)
def test_rates_against_booked(figures: DirectionFigures, expected: list[BreachReason]) -> None:
    assert reasons(figures) == expected


def test_an_outage_counts_in_service_time_only() -> None:
    assert reasons(path=PathQuality(down=True)) == [BreachReason.OUTAGE]
    assert reasons(path=PathQuality(down=True), in_service=False) == []


def test_targets_of_the_path_hold_while_no_more_than_booked_is_used() -> None:
    bad = PathQuality(2.0, 60.0, 11.0)
    assert reasons(path=bad) == [BreachReason.LOSS, BreachReason.RTT, BreachReason.JITTER]
    assert reasons(path=PathQuality(1.0, 50.0, 10.0)) == []
    assert reasons(DirectionFigures(100 * M, 150 * M, 120 * M, 100 * M), bad) == []


def test_full_is_a_hint_from_95_percent_of_booked() -> None:
    assert DirectionFigures(95 * M, None, None, 100 * M).full
    assert not DirectionFigures(94 * M, None, None, 100 * M).full
    assert not DirectionFigures(None, None, None, 100 * M).full
    assert not DirectionFigures(0, None, None, 0).full
