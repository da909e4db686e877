"""How much a device may say: who exceeds it, who does not, and what an absence of ours forgives."""

import pytest

from application.message_quota import CATCHING_UP_S, LONGEST_PAUSE_S, MessageQuota, MessageQuotas, QuotaMeter, pause_s

QUOTA = MessageQuota(messages_per_s=10, burst_messages=100, bytes_per_s=1000, burst_bytes=10_000)
LAMP, NODE = "kl/streetlight/L1", "kl/event_network/N1"


def meter() -> QuotaMeter:
    return QuotaMeter(MessageQuotas(QUOTA, {"event_network": MessageQuota(1000, 10_000, 10**6, 10**7)}))


def told(meter: QuotaMeter, messages: int, at_s: float, size: int = 0, login: str = LAMP) -> bool:
    return bool(meter.count({login: (messages, size)}, at_s))


def test_a_burst_is_let_pass_and_one_more_is_not() -> None:
    one = meter()
    assert not told(one, 100, 0)
    assert told(one, 1, 0)


def test_a_steady_rate_within_the_quota_never_exceeds_it() -> None:
    one = meter()
    assert not any(told(one, 10, second) for second in range(100_000))
    assert any(told(one, 20, 100_000 + second) for second in range(12))


def test_bytes_count_as_messages_do() -> None:
    one = meter()
    assert not told(one, 1, 0, size=10_000)
    assert told(one, 1, 0, size=1)


def test_a_kind_may_say_more() -> None:
    assert not told(meter(), 5000, 0, login=NODE)
    assert told(meter(), 5000, 0)


def test_who_counts_both_lanes_in_one_allows_twice_as_much() -> None:
    quotas = MessageQuotas(QUOTA, {"event_network": MessageQuota(1, 50, 1, 20_000)})
    assert quotas.smallest_burst() == (50, 10_000)
    both = QuotaMeter(quotas.of_lanes(2))
    assert not told(both, 200, 0, size=20_000)
    assert told(both, 1, 0)
    assert told(both, 101, 0, login=NODE)
    assert not told(both, 20, 1)


def test_only_the_one_who_exceeds_is_told() -> None:
    found = meter().count({LAMP: (500, 7), "kl/streetlight/L2": (5, 7)}, 0)
    assert [(one.login, one.messages, one.size) for one in found] == [(LAMP, 500, 7)]


def test_after_a_flood_the_buckets_are_full_and_not_overflowing() -> None:
    one = meter()
    assert told(one, 1_000_000, 0)
    assert not told(one, 90, 10)


def test_what_waited_while_we_were_away_is_not_held_against_a_device() -> None:
    one = meter()
    assert not told(one, 50, 0)
    one.absent(3600, 3600)
    assert not told(one, 36_000, 3600), "ten a second for an hour"
    assert not told(one, 90, 3601)
    assert told(one, 100, 3602), "and no more than a burst beyond it"
    assert not told(one, 36_000, 3602, login="kl/streetlight/L2"), "also one that is new"


def test_credit_that_is_not_used_is_gone_after_a_while() -> None:
    one = meter()
    one.absent(3600, 0)
    assert not told(one, 1, 0)
    assert told(one, 102, CATCHING_UP_S + 1)


def test_pauses_grow_up_to_an_hour() -> None:
    found = [pause_s(times) for times in (1, 2, 3, 4, 100, 10_000)]
    assert found == [10, 20, 40, 80, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


@pytest.mark.parametrize("logins", [300_000])
def test_memory_is_bounded_whatever_speaks(logins: int) -> None:
    one = meter()
    for start in range(0, logins, 10_000):
        one.count({f"kl/streetlight/{n}": (1, 0) for n in range(start, start + 10_000)}, start)
    assert len(one._levels) <= 110_000
