"""Buckets of rates: exact volumes, explicit gaps, peaks kept."""

from hypothesis import given
from hypothesis import strategies as st

from devices.event_network.rate_buckets import octet_volume, rate_buckets
from devices.event_network.rates import RateQuality, RateStep
from devices.time_us import MINUTE_US, SECOND_US

START_US = 1_790_000_040 * SECOND_US


def step(
    begin_s: float, end_s: float, octets: int, quality: RateQuality = RateQuality.OK, peak: float | None = None
) -> RateStep:
    begin_us, end_us = START_US + round(begin_s * SECOND_US), START_US + round(end_s * SECOND_US)
    bps = octets * 8 * SECOND_US / (end_us - begin_us)
    rated = quality in {RateQuality.OK, RateQuality.WRAP}
    return RateStep(begin_us, end_us, octets, bps if rated else None, (peak or bps) if rated else None, quality)


def test_means_and_peaks_stand_side_by_side() -> None:
    steps = [step(0, 30, 3000), step(30, 60, 6000, peak=9_000_000)]
    (bucket,) = rate_buckets(steps, START_US, START_US + MINUTE_US, MINUTE_US)
    assert (bucket.octets, bucket.mean_bps, bucket.max_bps) == (9000, 1200, 9_000_000)


def test_a_gap_has_no_rate_and_keeps_its_volume() -> None:
    found = rate_buckets([step(0, 180, 9000, RateQuality.GAP)], START_US, START_US + 4 * MINUTE_US, MINUTE_US)
    assert [(b.octets, b.mean_bps, b.max_bps) for b in found] == [(3000, None, None)] * 3 + [(0, None, None)]
    assert [b.quality for b in found] == [{RateQuality.GAP}] * 3 + [set()]


def test_a_reset_inside_a_bucket_leaves_the_mean_of_the_rest() -> None:
    steps = [step(0, 20, 2000), step(20, 40, 5, RateQuality.RESET), step(40, 60, 2000)]
    (bucket,) = rate_buckets(steps, START_US, START_US + MINUTE_US, MINUTE_US)
    assert (bucket.mean_bps, bucket.octets) == (800, 4005)
    assert octet_volume(steps) == {RateQuality.OK: 4000, RateQuality.RESET: 5}


@given(
    st.lists(st.tuples(st.integers(1, 200_000_000), st.integers(0, 10**12)), min_size=1, max_size=30),
    st.integers(1, 300),
)
def test_buckets_share_out_every_octet_exactly_once(lasted: list[tuple[int, int]], width_s: int) -> None:
    steps, at_us = [], START_US
    for lasted_us, octets in lasted:
        steps.append(RateStep(at_us, at_us + lasted_us, octets, 1.0, 1.0, RateQuality.OK))
        at_us += lasted_us
    found = rate_buckets(steps, START_US, at_us, width_s * SECOND_US)
    assert sum(b.octets for b in found) == sum(s.octets for s in steps)
    assert sum(b.covered_us for b in found) == at_us - START_US
    assert all(b.start_us % (width_s * SECOND_US) == 0 for b in found)
