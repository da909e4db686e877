"""Rates from counters: true traffic in, with everything that happens to counters; never a spike, never too much."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.event_network.rates import CounterReading, RateQuality, RateStep, counter_readings, rate_step, rate_steps
from devices.samples import Value
from devices.time_us import SECOND_US

INTERVAL_S = 10
START_US = 1_790_000_000_000_000
GIGABIT = 1_000_000_000
HUNDRED_MEGABIT = 100_000_000


def reading(at_s: float, octets: int, **other: object) -> CounterReading:
    values = {"boot_id": "b1", "speed_bps": GIGABIT, **other}
    return CounterReading(START_US + round(at_s * SECOND_US), octets=octets, **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Life:
    """What a device did: its readings, and the true octets since the first of them at each reading's time."""

    readings: list[CounterReading]
    truth: dict[int, int]
    restarts: int


@st.composite
def lives(draw: st.DrawFn, bits: int, speed_bps: int, *, silent_resets: bool = False) -> Life:
    """Draw a life of one counter: traffic within the line's speed, reboots, clearings, late readings.

    A `restart` is one of the reporting program: another boot, while the counter goes on.
    """
    counter = draw(st.integers(0, 2**bits - 1)) if bits == 32 else draw(st.integers(0, 2**63))
    true, at_us, boots, restarts = 0, START_US, 0, 0
    clear_us: int | None = None
    found, truth = [], {}
    for _ in range(draw(st.integers(2, 25))):
        lasted_s = draw(st.sampled_from([INTERVAL_S, INTERVAL_S, INTERVAL_S, 1, 15, 50, 600]))
        moved = draw(st.integers(0, speed_bps * lasted_s // 8))
        happened = draw(
            st.sampled_from(["", "", "", "", "reboot", "restart", "clear", "silent" if silent_resets else ""])
        )
        at_us += lasted_s * SECOND_US
        true += moved
        counter = (counter + moved) % 2**bits
        restarts += bool(happened)
        if happened not in {"", "restart"}:
            counter = draw(st.integers(0, moved)) % 2**bits
        if happened in {"reboot", "restart"}:
            boots += 1
        if happened == "clear":
            clear_us = at_us - draw(st.integers(0, lasted_s * SECOND_US - 1))
        truth[at_us] = true
        found.append(CounterReading(at_us, f"boot{boots}", counter, clear_us, bits, speed_bps))
    return Life(found, truth, restarts)


def check_against(life: Life, found: list[RateStep]) -> None:
    """No step says more than was true, and every rate is the true one."""
    for one in found:
        true = life.truth[one.to_us] - life.truth[one.from_us]
        assert one.octets <= true
        assert one.quality is not RateQuality.IMPLAUSIBLE
        if one.bps is not None:
            assert one.octets == true
            assert one.bps == pytest.approx(true * 8 * SECOND_US / (one.to_us - one.from_us))
        if one.quality in {RateQuality.RESET, RateQuality.UNDERSAMPLED, RateQuality.GAP}:
            assert one.peak_bps is None


@given(lives(64, GIGABIT))
def test_rates_of_a_64_bit_counter_are_true_and_its_volume_never_too_much(life: Life) -> None:
    found = list(rate_steps(life.readings, INTERVAL_S))
    check_against(life, found)
    if not life.restarts:
        first, last = life.readings[0].ts_us, life.readings[-1].ts_us
        assert sum(s.octets for s in found) == life.truth[last] - life.truth[first]


@given(st.sampled_from([HUNDRED_MEGABIT, GIGABIT]).flatmap(lambda speed: lives(32, speed)))
def test_rates_of_a_32_bit_counter_are_true_through_wraps(life: Life) -> None:
    check_against(life, list(rate_steps(life.readings, INTERVAL_S)))


@given(lives(64, GIGABIT, silent_resets=True))
def test_a_reset_that_nobody_announced_never_adds_traffic(life: Life) -> None:
    for one in rate_steps(life.readings, INTERVAL_S):
        true = life.truth[one.to_us] - life.truth[one.from_us]
        assert one.octets <= true
        assert one.bps is None or one.bps <= true * 8 * SECOND_US / (one.to_us - one.from_us) * 1.000001


@given(lives(64, GIGABIT), st.data())
def test_duplicates_and_order_of_arrival_change_nothing(life: Life, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(life.readings), max_size=10))
    shuffled = data.draw(st.permutations([*life.readings, *again]))
    assert list(rate_steps(shuffled, INTERVAL_S)) == list(rate_steps(life.readings, INTERVAL_S))


@given(lives(64, GIGABIT), st.data())
def test_missing_readings_keep_the_volume_of_a_boot(life: Life, data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.sampled_from(life.readings), min_size=2, unique_by=lambda r: r.ts_us))
    found = list(rate_steps(kept, INTERVAL_S))
    check_against(life, found)


@given(st.integers(1, 20), st.integers(2**50, 2**64 - 1))
def test_one_reading_of_nonsense_is_set_apart_and_costs_no_octet(where: int, nonsense: int) -> None:
    true = [reading(10 * i, 1_000_000 * i) for i in range(22)]
    lying = [*true[:where], reading(10 * where, nonsense), *true[where + 1 :]]
    found = list(rate_steps(lying, INTERVAL_S))
    assert [s.quality for s in found].count(RateQuality.IMPLAUSIBLE) == 1
    assert sum(s.octets for s in found) == 21_000_000
    assert max(s.bps or 0 for s in found) == 800_000


def test_a_counter_that_jumped_for_good_is_followed_from_there() -> None:
    found = list(rate_steps([reading(0, 0), reading(10, 2**50), reading(20, 2**50 + 1000)], INTERVAL_S))
    assert [(s.quality, s.octets) for s in found] == [(RateQuality.IMPLAUSIBLE, 0), (RateQuality.OK, 1000)]
    assert found[0].set_apart == 2**50


def test_a_collector_that_restarts_while_its_counters_go_on_makes_no_spike() -> None:
    huge = 5 * 10**12
    before, after = reading(0, huge), reading(10, huge + 1000, boot_id="b2")
    later = reading(20, huge + 2000, boot_id="b2")
    found = list(rate_steps([before, after, later], INTERVAL_S))
    assert [(s.quality, s.octets) for s in found] == [(RateQuality.RESET, 1000), (RateQuality.OK, 1000)]
    assert found[0].bps is None


TABLE = [
    ("equal", {}, 500, {}, 500, RateQuality.OK, 0),
    ("rises", {}, 500, {}, 1500, RateQuality.OK, 1000),
    ("other boot, counter began anew", {}, 500, {"boot_id": "b2"}, 400, RateQuality.RESET, 400),
    ("other boot, counter may have gone on", {}, 500, {"boot_id": "b2"}, 700, RateQuality.RESET, 200),
    ("other clearing", {"last_clear_us": 1}, 500, {"last_clear_us": 2}, 700, RateQuality.RESET, 700),
    ("clearing told first, before", {}, 500, {"last_clear_us": START_US - 1}, 700, RateQuality.OK, 200),
    ("clearing told first, between", {}, 500, {"last_clear_us": START_US + 1}, 700, RateQuality.RESET, 700),
    ("64 bits fall", {}, 500, {}, 400, RateQuality.RESET, 400),
    ("32 bits wrap", {}, 2**32 - 100, {"counter_bits": 32}, 900, RateQuality.WRAP, 1000),
    ("32 bits fall too far for the line", {}, 2_000_000_000, {"counter_bits": 32}, 0, RateQuality.RESET, 0),
    ("32 bits fall, speed unknown", {"speed_bps": None}, 2**32 - 1, {"counter_bits": 32, "speed_bps": None}, 9,
     RateQuality.RESET, 9),
    ("more than the line carries", {}, 0, {}, 1_400_000_000, RateQuality.IMPLAUSIBLE, 0),
    ("slightly more than the line: counted", {}, 0, {}, 1_300_000_000, RateQuality.OK, 1_300_000_000),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "first", "after", "second", "quality", "octets"), TABLE)
def test_table_of_differences(  # noqa: PLR0917 - a row of the table
    name: str,
    before: dict[str, object],
    first: int,
    after: dict[str, object],
    second: int,
    quality: RateQuality,
    octets: int,
) -> None:
    found = rate_step(reading(0, first, **before), reading(10, second, **after), INTERVAL_S)
    assert (found.quality, found.octets) == (quality, octets), name


def test_a_32_bit_counter_read_too_seldom_gives_a_lower_bound_and_no_rate() -> None:
    found = rate_step(reading(0, 0, counter_bits=32), reading(40, 1000, counter_bits=32), INTERVAL_S)
    assert (found.quality, found.octets, found.bps) == (RateQuality.UNDERSAMPLED, 1000, None)


def test_a_gap_keeps_its_volume_and_mean_but_no_peak() -> None:
    found = rate_step(reading(0, 0), reading(31, 31_000, peak_bps=900_000), INTERVAL_S)
    assert (found.quality, found.octets, found.bps, found.peak_bps) == (RateQuality.GAP, 31_000, 8000, None)


def test_utilisation_without_speed_is_unknown_not_zero() -> None:
    unknown = rate_step(reading(0, 0, speed_bps=None), reading(10, 1000, speed_bps=None), INTERVAL_S)
    zero = rate_step(reading(0, 0, speed_bps=0), reading(10, 1000, speed_bps=0), INTERVAL_S)
    assert unknown.utilisation_pct is None
    assert zero.utilisation_pct is None
    assert rate_step(reading(0, 0), reading(10, 12_500_000), INTERVAL_S).utilisation_pct == 1


def test_the_devices_peak_counts_only_when_the_line_can_carry_it() -> None:
    def peak(said: int) -> float | None:
        return rate_step(reading(0, 0), reading(10, 1_250_000, peak_bps=said), INTERVAL_S).peak_bps

    assert peak(800_000_000) == 800_000_000
    assert peak(2_000_000_000) == 1_000_000
    assert peak(5) == 1_000_000


def test_speed_and_clearing_sent_on_change_only_hold_on() -> None:
    found = list(rate_steps([
        reading(0, 0, last_clear_us=START_US - 5),
        reading(10, 1000, speed_bps=None),
        reading(20, 2000, last_clear_us=START_US - 5, speed_bps=None),
    ], INTERVAL_S))  # fmt: skip
    assert [s.quality for s in found] == [RateQuality.OK, RateQuality.OK]
    assert found[1].speed_bps == GIGABIT


def test_stored_samples_give_their_folded_counters_back() -> None:
    rows: list[tuple[int, dict[str, Value]]] = [
        (START_US, {"in_octets": 2**63 - 100, "boot_id": "b1", "counter_bits": 64}),
        (START_US + 10 * SECOND_US, {"in_octets": 900, "in_octets_high": True, "boot_id": "b1"}),
        (START_US + 12 * SECOND_US, {"loss_pct": 0.5}),
    ]
    found = list(rate_steps(counter_readings(rows, "in"), INTERVAL_S))
    assert [(s.octets, s.quality) for s in found] == [(1000, RateQuality.OK)]
    assert counter_readings(rows, "out") == []
