"""The newest samples of a link."""

from hypothesis import given
from hypothesis import strategies as st

from devices.event_network.recent_samples import KEPT, PASSING_US, RecentSamples, with_sample
from devices.samples import Value

EMPTY = RecentSamples("n", "p", "kl")
SAMPLES = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.fixed_dictionaries(
            {},
            optional={"in_octets": st.integers(0, 9), "speed_bps": st.integers(0, 9), "loss_pct": st.just(1.0)},
        ),
    ),
    unique_by=lambda s: s[0],
    max_size=15,
)


def take(samples: list[tuple[int, dict[str, Value]]]) -> RecentSamples:
    found = EMPTY
    for at_us, values in samples:
        found = with_sample(found, at_us, values)
    return found


@given(SAMPLES, st.randoms())
def test_order_and_repetition_do_not_matter(samples: list[tuple[int, dict[str, Value]]], chance: object) -> None:
    shuffled = [*samples, *samples[:3]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    found = take(shuffled)
    assert found == take(samples)
    newest = sorted(at for at, values in samples if "in_octets" in values)[-KEPT:]
    assert [at for at, _ in found.counted] == newest


def test_what_passes_is_forgotten_and_what_is_settled_is_not() -> None:
    found = take([(5, {"speed_bps": 10, "loss_pct": 2.0, "in_octets": 1}), (6, {"in_octets": 2})])
    assert found.values(5 + PASSING_US) == {"speed_bps": 10, "loss_pct": 2.0}
    assert found.values(6 + PASSING_US) == {"speed_bps": 10}
    assert found.samples() == [(5, {"speed_bps": 10, "in_octets": 1}), (6, {"speed_bps": 10, "in_octets": 2})]


def test_of_two_readings_at_one_time_the_first_counts() -> None:
    assert take([(5, {"in_octets": 1}), (5, {"in_octets": 9})]).counted == [(5, {"in_octets": 1})]
