"""Pauses begun beside a registry that is slow or away: they hold at once, and each is recorded once."""

from contextlib import AbstractContextManager

import pytest

from application.message_quota import QuotaExceeded
from application.ports.quota_pauses import QuotaPauses
from application.ports.registry import Registry, RegistryTransaction
from devices.errors import RegistryUnavailable
from devices.time_us import SECOND_US
from gateway.quota_enforcer import QuotaEnforcer
from runtime.broker.quota_pause_cache import QuotaPauseCache

NOW_US = 1_790_000_000_000_000
USER = "kl/streetlight/d1"
FOUND = QuotaExceeded(USER, 5000, 9)


class _Away(Registry):
    def read(self) -> AbstractContextManager[RegistryTransaction]:
        raise RegistryUnavailable

    def write(self) -> AbstractContextManager[RegistryTransaction]:
        raise RegistryUnavailable


def recorded(registry: Registry) -> list[tuple[int, int, int]]:
    """Since, until in seconds, and which in a row."""
    with registry.read() as tx:
        return [((p.since_us - NOW_US) // SECOND_US, (p.until_us - NOW_US) // SECOND_US, p.times)
                for p in tx.get(QuotaPauses).since(0)]  # fmt: skip


def take_over(keeper: QuotaPauseCache, registry: Registry, now_us: int) -> None:
    with registry.read() as tx:
        keeper.take_over(tx.get(QuotaPauses).since(keeper.oldest_us(now_us)))


def test_a_pause_holds_while_the_registry_is_away_and_is_recorded_as_it_was(registry: Registry) -> None:
    keeper = QuotaPauseCache()
    assert keeper.begin(FOUND, NOW_US)
    assert not keeper.begin(FOUND, NOW_US + 9 * SECOND_US), "while it lasts"
    with pytest.raises(RegistryUnavailable):
        keeper.record(_Away())
    assert keeper.is_paused(USER, NOW_US + 9 * SECOND_US)
    assert not keeper.is_paused(USER, NOW_US + 11 * SECOND_US)
    assert keeper.begin(FOUND, NOW_US + 12 * SECOND_US)
    keeper.record(registry)
    assert recorded(registry) == [(12, 32, 2)]
    take_over(keeper, registry, NOW_US + 13 * SECOND_US)
    assert keeper.begin(FOUND, NOW_US + 40 * SECOND_US)
    keeper.record(registry)
    assert recorded(registry) == [(40, 80, 3)]
    keeper.record(_Away())


def test_a_pause_that_the_gateway_began_is_not_begun_again(registry: Registry) -> None:
    keeper = QuotaPauseCache()
    gateway = QuotaEnforcer(registry, [lambda: [FOUND]], lambda: NOW_US)
    gateway.begin_pauses()
    assert keeper.begin(FOUND, NOW_US + SECOND_US), "not heard of it yet"
    keeper.record(registry)
    assert recorded(registry) == [(0, 10, 1)]
    take_over(keeper, registry, NOW_US + 2 * SECOND_US)
    assert not keeper.begin(FOUND, NOW_US + 2 * SECOND_US)
    assert keeper.begin(FOUND, NOW_US + 20 * SECOND_US)
    keeper.record(registry)
    assert recorded(registry) == [(20, 40, 2)]


def test_the_gateway_begins_none_while_one_of_the_brokers_lasts(registry: Registry) -> None:
    keeper = QuotaPauseCache()
    keeper.begin(FOUND, NOW_US)
    keeper.record(registry)
    QuotaEnforcer(registry, [lambda: [FOUND]], lambda: NOW_US + 5 * SECOND_US).begin_pauses()
    assert recorded(registry) == [(0, 10, 1)]


def test_what_waits_to_be_recorded_is_bounded(registry: Registry) -> None:
    keeper = QuotaPauseCache(most=3)
    found = [QuotaExceeded(f"kl/streetlight/d{n}", 1, 1) for n in range(4)]
    assert [keeper.begin(each, NOW_US) for each in found] == [True, True, True, False]
    keeper.record(registry)
    assert keeper.begin(found[3], NOW_US)
