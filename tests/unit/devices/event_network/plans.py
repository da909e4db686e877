"""Small events to plan and measure with."""

from dataclasses import replace
from typing import Any

from devices.event_network.city_event import (
    Booking,
    BookingKind,
    CityEvent,
    DownIs,
    EventArea,
    EventKind,
    EventState,
    MeasuredObject,
)
from devices.time_us import HOUR_US

START_US = 1_790_000_000_000_000
SERVICE_US = START_US + HOUR_US


def objects() -> tuple[MeasuredObject, ...]:
    """Uplink ← port ← (visitors of the stage, cameras); uplink ← visitors of the market."""
    return (
        MeasuredObject("uplink", "core", "uplink", down_is=DownIs.IN),
        MeasuredObject("port", "core", "port", "uplink"),
        MeasuredObject("stage", "case", "ssid", "port", "stage", "visitors"),
        MeasuredObject("cameras", "case", "vlan", "port", "stage", "cameras"),
        MeasuredObject("market", "case-2", "ssid", "uplink", "market", "visitors"),
    )


def event(**changes: Any) -> CityEvent:
    made = CityEvent(
        event_id="e",
        tenant_id="kl",
        name="Altstadtfest",
        kind=EventKind.FAIR,
        time_zone="Europe/Berlin",
        setup_from_us=START_US,
        service_from_us=SERVICE_US,
        service_to_us=START_US + 10 * HOUR_US,
        teardown_to_us=START_US + 12 * HOUR_US,
        areas=(EventArea("stage", "Bühne"), EventArea("market", "Markt")),
        objects=objects(),
        bookings=(booking(),),
        state=EventState.CONFIRMED,
    )
    return replace(made, **changes)


def booking(**changes: Any) -> Booking:
    made = Booking("v", "visitors", "stage", 100_000_000, 20_000_000, BookingKind.GUARANTEED)
    return replace(made, **changes)
