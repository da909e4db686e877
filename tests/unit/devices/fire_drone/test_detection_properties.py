"""What holds for any samples."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.fire_drone.enums import FlightState
from devices.fire_drone.flights.detector import FlightDetector, detect_flights, in_order
from devices.fire_drone.flights.flight import FlightStatus
from devices.fire_drone.flights.sample import DetectionSettings, FlightSample
from devices.time_us import SECOND_US
from tests.unit.devices.fire_drone.flying import PARKED, T0, air, at, ground

SAMPLES = st.builds(
    FlightSample,
    ts_us=st.integers(0, 400).map(lambda s: T0 + s * SECOND_US // 2)
    | st.integers(0, 4000).map(lambda s: T0 + s * SECOND_US),
    received_us=st.integers(T0, T0 + 10_000 * SECOND_US),
    boot_id=st.sampled_from([None, "b1", "b1", "b1", "b2"]),
    flight_state=st.sampled_from([None, *FlightState]),
    armed=st.sampled_from([None, True, True, False]),
    lat=st.none() | st.floats(49.44, 49.45),
    lon=st.none() | st.floats(7.76, 7.77),
    fix=st.sampled_from([None, "none", "3d"]),
    altitude_rel_m=st.none() | st.sampled_from([0.0, 1.2, 1.8, 30.0]),
    ground_speed_ms=st.none() | st.sampled_from([0.0, 4.0]),
    vertical_speed_ms=st.none() | st.sampled_from([0.0, 0.7]),
    battery_pct=st.none() | st.sampled_from([40.0, 44.0, 50.0]),
)
MANY = st.lists(SAMPLES, max_size=60)


@given(MANY, st.randoms(use_true_random=False))
def test_shuffled_and_repeated_samples_give_the_same_flights(samples: list[FlightSample], chance: object) -> None:
    again = samples + samples[::3]
    chance.shuffle(again)  # type: ignore[attr-defined]
    assert detect_flights(again) == detect_flights(samples)


@given(MANY)
def test_flights_do_not_overlap_and_keep_their_order(samples: list[FlightSample]) -> None:
    flights = detect_flights(samples)
    for flight in flights:
        assert flight.takeoff_us <= flight.last_airborne_us <= flight.end_us
        assert (flight.landing_us is None) == (flight.status is FlightStatus.LANDING_NOT_OBSERVED)
        assert 0 <= flight.airborne_s <= flight.duration_s
        assert flight.quality.samples >= 1
    for earlier, later in pairwise(flights):
        assert earlier.end_us < later.takeoff_us


@given(MANY)
def test_every_sample_in_the_air_by_the_drones_word_is_in_a_flight(samples: list[FlightSample]) -> None:
    aloft = {s.ts_us for s in in_order(samples) if s.flight_state is FlightState.AIRBORNE}
    others = {s.ts_us for s in in_order(samples) if s.flight_state is not FlightState.AIRBORNE}
    flights = detect_flights(samples)
    for ts_us in aloft - others:
        assert any(flight.takeoff_us <= ts_us <= flight.end_us for flight in flights)


@given(MANY, st.integers(0, 60))
def test_asking_in_between_changes_nothing(samples: list[FlightSample], after: int) -> None:
    detector = FlightDetector(DetectionSettings())
    for index, sample in enumerate(in_order(samples)):
        detector.push(sample)
        if index == after:
            detector.flights(sample.ts_us)
    assert detector.flights() == detect_flights(samples)


@settings(max_examples=20)
@given(
    st.integers(1, 900),
    st.floats(1.6, 120),
    st.sampled_from([FlightState.AIRBORNE, FlightState.LANDING, FlightState.UNKNOWN, FlightState.EMERGENCY, None]),
)
def test_a_hover_of_any_length_ends_no_flight(seconds: int, height_m: float, state: FlightState | None) -> None:
    before, hover = air(5, 15), air(15, 15 + seconds, altitude_rel_m=height_m, flight_state=state)
    end = 15 + seconds
    flights = detect_flights([*ground(0, 5), *before, *hover, *ground(end, end + 3, **PARKED)])
    assert [(flight.takeoff_us, flight.landing_us) for flight in flights] == [(at(5), at(end))]


@given(st.sets(st.integers(1, 299), max_size=250))
def test_no_gap_under_fifteen_minutes_splits_a_hover(lost: set[int]) -> None:
    flown = [s for index, s in enumerate(air(0, 301)) if index not in lost]
    (flight,) = detect_flights(flown)
    assert flight.duration_s == 300
    assert flight.figures.distance_m == 0
    assert all(gap.duration_s > 15 for gap in flight.quality.gaps)


@given(st.integers(2, 40), st.integers(1, 40))
def test_the_clocks_offset_moves_a_flight_and_changes_nothing_else(length: int, hours: int) -> None:
    flown = [*ground(0, 5), *air(5, 5 + length), *ground(5 + length, 8 + length, **PARKED)]
    shift = hours * 3600 * SECOND_US
    moved = [replace(s, ts_us=s.ts_us + shift, received_us=s.received_us + shift) for s in flown]
    (here,), (there,) = detect_flights(flown), detect_flights(moved)
    assert there.takeoff_us - here.takeoff_us == shift
    assert (there.figures, there.flags, there.duration_s) == (here.figures, here.flags, here.duration_s)
