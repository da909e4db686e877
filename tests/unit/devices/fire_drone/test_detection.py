"""Where flights begin and end."""

from dataclasses import replace

import pytest

from devices.fire_drone.enums import FlightState
from devices.fire_drone.flights.detector import FlightDetector, GroundRun, detect_flights, in_order
from devices.fire_drone.flights.flight import FlightFlag, FlightStatus
from devices.fire_drone.flights.sample import DetectionSettings, FlightSample
from devices.time_us import MINUTE_US, SECOND_US
from tests.unit.devices.fire_drone.flying import PARKED, air, at, ground, northward, sample, wordless


def test_a_flight_lasts_from_the_first_sample_in_the_air_to_the_first_on_the_ground() -> None:
    flown = [*ground(0, 3, **PARKED), *ground(3, 8), *air(8, 100), *ground(100, 103), *ground(103, 110, **PARKED)]
    (flight,) = detect_flights(flown)
    assert (flight.armed_us, flight.takeoff_us, flight.landing_us, flight.disarmed_us) == (
        at(3),
        at(8),
        at(100),
        at(103),
    )
    assert (flight.status, flight.landings, flight.flags) == (FlightStatus.LANDED, 1, ())
    assert (flight.duration_s, flight.airborne_s, flight.last_airborne_us) == (92, 92, at(99))


def test_a_hover_of_an_hour_is_one_flight() -> None:
    flights = detect_flights([*ground(0, 5), *air(5, 3605), *ground(3605, 3610, **PARKED)])
    assert [flight.duration_s for flight in flights] == [3600]


def test_a_hover_without_the_drones_word_is_one_flight() -> None:
    flights = detect_flights(wordless([*ground(0, 5), *air(5, 3605), *ground(3605, 3610, **PARKED)]))
    assert [(f.takeoff_us, f.landing_us) for f in flights] == [(at(5), at(3605))]


def test_height_for_three_seconds_dates_the_takeoff_back() -> None:
    rising = wordless([*ground(0, 5), *air(5, 30, altitude_rel_m=2.5)])
    assert detect_flights(rising[:8]) == []
    assert [flight.takeoff_us for flight in detect_flights(rising[:9])] == [at(5)]


def test_a_climb_for_two_seconds_above_a_metre_dates_the_takeoff_back() -> None:
    climbing = wordless(air(5, 8, altitude_rel_m=1.5, vertical_speed_ms=0.6))
    assert [flight.takeoff_us for flight in detect_flights([*wordless(ground(0, 5)), *climbing])] == [at(5)]
    assert detect_flights([*wordless(ground(0, 5)), *climbing[:2]]) == []


def test_height_of_a_disarmed_drone_is_no_flight() -> None:
    carried = wordless(air(0, 60, altitude_rel_m=50.0, armed=False))
    assert detect_flights(carried) == []


def test_ten_seconds_at_rest_near_the_ground_are_a_landing_from_their_first() -> None:
    flown = wordless([*ground(0, 5), *air(5, 60), *air(60, 71, altitude_rel_m=0.4)])
    assert [flight.landing_us for flight in detect_flights(flown)] == [at(60)]
    assert [flight.landing_us for flight in detect_flights(flown[:-1])] == [None]


def test_a_landing_on_a_roof_is_seen_by_the_disarming() -> None:
    flown = wordless(
        [*ground(0, 5), *air(5, 60), *air(60, 90, altitude_rel_m=8.0), *air(90, 95, altitude_rel_m=8.0, armed=False)]
    )
    assert [flight.landing_us for flight in detect_flights(flown)] == [at(90)]


def test_the_drones_word_outranks_arming_and_motion() -> None:
    low = air(60, 90, altitude_rel_m=0.2, armed=None)
    (flight,) = detect_flights([*ground(0, 5), *air(5, 60), *low, *ground(90, 91, **PARKED)])
    assert flight.landing_us == at(90)


@pytest.mark.parametrize("state", [FlightState.LANDING, FlightState.EMERGENCY])
def test_landing_and_emergency_neither_begin_nor_end_a_flight(state: FlightState) -> None:
    still = air(60, 120, flight_state=state, altitude_rel_m=0.2)
    assert detect_flights(air(0, 60, flight_state=state, altitude_rel_m=0.2)) == []
    assert detect_flights([*air(5, 60), *still])[0].landing_us is None


def test_armed_but_never_in_the_air_is_a_ground_run() -> None:
    detector = FlightDetector(DetectionSettings())
    for pushed in [*ground(0, 2, **PARKED), *ground(2, 30), *ground(30, 32, **PARKED)]:
        detector.push(pushed)
    assert detector.flights() == []
    assert detector.ground_runs == (GroundRun(at(2), at(30)),)


def test_a_flight_leaves_no_ground_run_even_when_it_disarms_late() -> None:
    detector = FlightDetector(DetectionSettings())
    for pushed in [*ground(0, 5), *air(5, 60), *ground(60, 300), *ground(300, 301, **PARKED)]:
        detector.push(pushed)
    assert len(detector.flights()) == 1
    assert detector.ground_runs == ()


def test_two_seconds_in_the_air_are_a_very_short_flight() -> None:
    (flight,) = detect_flights([*ground(0, 5), *air(5, 7), *ground(7, 12, **PARKED)])
    assert flight.flags == (FlightFlag.VERY_SHORT,)


def test_touch_and_go_within_a_minute_is_the_same_flight() -> None:
    flown = [*ground(0, 5), *air(5, 60), *ground(60, 90), *air(90, 150), *ground(150, 153), *ground(153, 160, **PARKED)]
    (flight,) = detect_flights(flown)
    assert (flight.landings, flight.duration_s, flight.airborne_s) == (2, 145, 55 + 60)


def test_more_than_a_minute_on_the_ground_ends_the_flight() -> None:
    flights = detect_flights(
        [*ground(0, 5), *air(5, 60), *ground(60, 122), *air(122, 150), *ground(150, 155, **PARKED)]
    )
    assert [(f.takeoff_us, f.landing_us) for f in flights] == [(at(5), at(60)), (at(122), at(150))]


def test_disarming_ends_the_flight_at_once() -> None:
    flights = detect_flights([*ground(0, 5), *air(5, 60), *ground(60, 62, **PARKED), *ground(62, 65), *air(65, 80)])
    assert [f.takeoff_us for f in flights] == [at(5), at(65)]


@pytest.mark.parametrize(
    "swapped", [{"battery_serial": "B"}, {"boot_id": "b2"}, {"battery_pct": 55.1}], ids=["serial", "boot", "charge"]
)
def test_another_battery_or_boot_is_another_flight(swapped: dict[str, object]) -> None:
    first = {"battery_serial": "A", "battery_pct": 50.0}
    then = first | swapped
    flights = detect_flights(
        [
            *ground(0, 5, **first),
            *air(5, 60, **first),
            *ground(60, 70, **first),
            *ground(70, 75, **then),
            *air(75, 99, **then),
        ]
    )
    assert [f.takeoff_us for f in flights] == [at(5), at(75)]
    assert [f.status for f in flights] == [FlightStatus.LANDED, FlightStatus.LANDING_NOT_OBSERVED]


def test_a_charge_that_recovers_by_five_points_is_the_same_battery() -> None:
    flown = [*ground(0, 5, battery_pct=50.0), *air(5, 30, battery_pct=50.0), *air(30, 60, battery_pct=55.0)]
    assert len(detect_flights(flown)) == 1


def test_silence_after_the_air_is_no_landing() -> None:
    (flight,) = detect_flights([*ground(0, 5), *air(5, 60)])
    assert (flight.status, flight.landing_us) == (FlightStatus.LANDING_NOT_OBSERVED, None)
    assert (flight.last_airborne_us, flight.landing_latest_us) == (at(59), None)


def test_a_silent_flight_goes_on_for_fifteen_minutes() -> None:
    flown = [*ground(0, 5), *air(5, 60)]
    assert detect_flights(flown, now_us=at(59) + 15 * MINUTE_US)[0].status is FlightStatus.AIRBORNE
    assert detect_flights(flown, now_us=at(59) + 15 * MINUTE_US + 1)[0].status is FlightStatus.LANDING_NOT_OBSERVED


def test_a_landing_within_a_gap_is_known_by_its_bounds() -> None:
    (flight,) = detect_flights([*ground(0, 5), *air(5, 60), *ground(120, 130)])
    assert (flight.status, flight.landing_us) == (FlightStatus.LANDING_NOT_OBSERVED, None)
    assert (flight.last_airborne_us, flight.landing_latest_us) == (at(59), at(120))


def test_rest_after_a_gap_is_no_observed_landing() -> None:
    (flight,) = detect_flights(wordless([*ground(0, 5), *air(5, 60), *air(120, 140, altitude_rel_m=0.1)]))
    assert (flight.last_airborne_us, flight.landing_latest_us, flight.landings) == (at(59), at(120), 0)


def test_a_gap_in_the_air_is_bridged_and_not_counted_as_flown() -> None:
    moving = northward(air(5, 200), 10)
    flown = [*ground(0, 5), *(s for s in moving if not at(60) < s.ts_us < at(100)), *ground(200, 205, **PARKED)]
    (flight,) = detect_flights(flown)
    (gap,) = flight.quality.gaps
    assert (gap.from_us, gap.until_us) == (at(60), at(100))
    assert gap.straight_m == pytest.approx(400, rel=0.002)
    assert flight.figures.gap_distance_m == gap.straight_m
    assert flight.figures.distance_m == pytest.approx(1940 - 400, rel=0.002)
    assert flight.quality.samples == flight.quality.expected_samples - 39


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ({}, None),
        ({"battery_pct": 60.1}, "higher charge"),
        ({"battery_serial": "B"}, "battery"),
        ({"boot_id": "b2"}, "boot"),
        ({"lat": 49.4447 + 0.02}, "2.2 km in 60 s"),
    ],
)
def test_what_a_gap_in_the_air_may_bridge(after: dict[str, object], why: str | None) -> None:
    known = {"battery_pct": 60.0, "battery_serial": "A"}
    flights = detect_flights([*ground(0, 5, **known), *air(5, 60, **known), *air(120, 180, **(known | after))])
    assert len(flights) == (1 if why is None else 2)
    if why is not None:
        assert (flights[0].status, flights[0].landing_latest_us) == (FlightStatus.LANDING_NOT_OBSERVED, at(120))
        assert flights[1].flags == (FlightFlag.TAKEOFF_NOT_OBSERVED,)
        assert flights[1].takeoff_earliest_us == at(59)


def test_a_gap_of_more_than_fifteen_minutes_splits() -> None:
    assert len(detect_flights([*air(0, 60), *air(59 + 900, 1000)])) == 1
    assert len(detect_flights([*air(0, 60), *air(59 + 901, 1000)])) == 2


def test_fifteen_seconds_are_no_gap() -> None:
    (flight,) = detect_flights([*air(0, 60), *air(74, 90)])
    assert (flight.quality.gaps, flight.quality.stale_intervals) == ((), 1)


def test_longer_than_the_endurance_is_flagged() -> None:
    (flight,) = detect_flights([*ground(0, 5), *[s for s in air(5, 5412) if s.ts_us % (5 * SECOND_US) == 0]])
    assert FlightFlag.OVER_ENDURANCE in flight.flags


def test_a_jump_across_continents_counts_for_nothing() -> None:
    flown = northward(air(5, 65), 10)
    flown[20] = replace(flown[20], lat=-33.0, lon=18.0)
    (flight,) = detect_flights([*ground(0, 5), *flown])
    assert flight.figures.distance_m == pytest.approx(590, rel=0.002)
    assert flight.quality.implausible_positions == 1
    assert flight.figures.home_distance_max_m == pytest.approx(590, rel=0.002)


def test_first_positions_that_nothing_agrees_with_are_refused() -> None:
    flown = northward(air(5, 65), 10)
    flown[0] = replace(flown[0], lat=-33.0, lon=18.0)
    (flight,) = detect_flights([*ground(0, 5), *flown])
    assert flight.figures.distance_m == pytest.approx(580, rel=0.01)
    assert flight.takeoff_place is not None
    assert flight.takeoff_place.lat == pytest.approx(49.44, abs=0.01)


def test_conflicting_samples_are_counted_and_the_first_received_stays() -> None:
    flown = [*ground(0, 5), *air(5, 60)]
    other = replace(flown[30], altitude_rel_m=99.0, received_us=flown[30].received_us + 1)
    (flight,) = detect_flights([*flown, other])
    assert (flight.quality.conflicts, flight.figures.altitude_rel_max_m) == (1, 30.0)
    assert flight.flags == (FlightFlag.CONFLICTS,)


def test_late_samples_are_counted_as_out_of_order() -> None:
    flown = [*ground(0, 5), *air(5, 60)]
    flown[20:30] = [replace(s, received_us=at(50)) for s in flown[20:30]]
    (flight,) = detect_flights(flown)
    assert flight.quality.out_of_order == 20
    assert flight.quality.delay_max_s == 30


def test_older_samples_cannot_be_pushed() -> None:
    detector = FlightDetector(DetectionSettings())
    detector.push(sample(5))
    with pytest.raises(ValueError, match="order of time"):
        detector.push(sample(4))


def test_stored_values_become_a_sample() -> None:
    values: dict[str, float | int | bool | str] = {
        "flight_state": "hopping",
        "armed": True,
        "lat": 1.5,
        "mode": "x",
        "battery_cells_c1_v": 3.9,
    }
    assert FlightSample.of(7, 8, values) == FlightSample(7, 8, flight_state=FlightState.UNKNOWN, armed=True, lat=1.5)
    assert in_order([]) == []
