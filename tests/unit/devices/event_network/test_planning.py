"""Plans: what fits, what is overbooked, what the schedule says."""

from dataclasses import replace
from typing import Any

import pytest

from devices.errors import Invalid
from devices.event_network.city_event import BookedObject, BookingKind, CityEvent, EventState, TestedCapacity, state_due
from devices.event_network.planning import Overbooked, check_plan, link_excesses, refuse_overbooking
from devices.event_network.rule_facts import facts_of
from devices.time_us import HOUR_US
from tests.unit.devices.event_network.plans import SERVICE_US, START_US, booking, event, objects

M = 1_000_000


def capacity(part: str, bps: int, direction: str = "down") -> TestedCapacity:
    return TestedCapacity("core", part, direction, "kl", START_US, bps, "y1564")


def test_a_plan_that_fits_passes() -> None:
    check_plan(event())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"service_from_us": START_US - 1}, "service_from"),
        ({"service_to_us": SERVICE_US}, "service_from"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"areas": ()}, "objects.area_id"),
        ({"areas": event().areas * 2}, "areas"),
        ({"objects": objects() * 2}, "objects"),
        ({"objects": (replace(objects()[0], parent_id="uplink"),)}, "objects.parent_id"),
        ({"objects": (replace(objects()[1], parent_id="nothing"),)}, "objects.parent_id"),
        ({"objects": (replace(objects()[0], from_us=5, until_us=5),)}, "objects.until"),
        ({"bookings": (booking(), booking(booking_id="again"))}, "bookings"),
        ({"bookings": (booking(area_id="moon"),)}, "bookings.area_id"),
        ({"bookings": (booking(objects=(BookedObject("nothing"),)),)}, "bookings.objects"),
    ],
)
def test_a_plan_whose_parts_do_not_fit_names_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as found:
        check_plan(event(**changes))
    assert found.value.field == field


def test_guaranteed_rates_sum_up_on_every_link_they_pass() -> None:
    more = event(bookings=(booking(), booking(booking_id="c", service_class="cameras", down_bps=50 * M)))
    assert link_excesses(more, [capacity("port", 150 * M), capacity("uplink", 150 * M)]) == []
    (found,) = link_excesses(more, [capacity("port", 149 * M), capacity("uplink", 150 * M)])
    assert (found.object_id, found.guaranteed_bps, found.tested_bps) == ("port", 150 * M, 149 * M)
    with pytest.raises(Overbooked, match="port down: guaranteed 150000000 bit/s, tested 149000000 bit/s"):
        refuse_overbooking(more, [capacity("port", 149 * M)])
    refuse_overbooking(replace(more, override_reason="known"), [capacity("port", 149 * M)])


def test_best_effort_and_what_passes_elsewhere_load_nothing() -> None:
    hope = event(bookings=(booking(kind=BookingKind.BEST_EFFORT),))
    assert link_excesses(hope, [capacity("port", 1)]) == []
    elsewhere = event(bookings=(booking(area_id="market"),))
    assert link_excesses(elsewhere, [capacity("port", 1)]) == []
    everywhere = event(bookings=(booking(area_id=None),))
    assert [e.object_id for e in link_excesses(everywhere, [capacity("port", 1), capacity("uplink", 1)])] == ["uplink"]


def test_the_direction_of_the_test_counts() -> None:
    assert [e.direction for e in link_excesses(event(), [capacity("port", 1, direction="up")])] == ["up"]


@pytest.mark.parametrize(
    ("hours", "state"),
    [
        (-1, EventState.CONFIRMED),
        (0, EventState.SETUP),
        (1, EventState.LIVE),
        (10, EventState.TEARDOWN),
        (12, EventState.CLOSED),
    ],
)
def test_the_schedule_decides_the_state_of_a_confirmed_event(hours: int, state: EventState) -> None:
    at_us = START_US + hours * HOUR_US
    assert state_due(event(), at_us) is state
    assert state_due(event(state=EventState.CLOSED), at_us) is state, "an extension brings it back"
    assert state_due(event(state=EventState.DRAFT), at_us) is EventState.DRAFT
    assert state_due(event(state=EventState.CANCELLED), at_us) is EventState.CANCELLED


def test_rules_learn_service_time_and_what_a_part_alone_must_carry() -> None:
    def facts(changed: CityEvent, at_us: int) -> Any:
        return facts_of([changed], at_us).get("case")

    during = facts(event(), SERVICE_US)
    assert (during["in_event"], during["service_now"]) == (True, True)
    assert during["parts"]["ssid"]["booked"] == {"down": 100 * M, "up": 20 * M}
    assert during["parts"]["vlan"]["booked"] == {}
    assert facts(event(), START_US)["service_now"] is False
    assert facts(event(), START_US - 1) is None
    shared = facts(event(bookings=(booking(area_id=None),)), SERVICE_US)
    assert shared["parts"]["ssid"]["booked"] == {}, "of a booking over two objects neither alone must carry all"
