"""Refusals of brokers are told by asset, as many as came lately."""

from application.ports.credentials import LoginRefusal, LoginRefusals
from application.ports.inventory import AssetRepository, DeviceBinding
from application.ports.registry import Registry
from devices.generic_rules import REFUSED_WITHIN_S
from devices.time_us import SECOND_US
from gateway.effects.login_refusals import LOOK_US, RefusedLogins
from tests.contracts.registry.making import with_assets

NOW_US = 1_790_000_000_000_000
WITHIN_US = REFUSED_WITHIN_S * SECOND_US
USER = "kl/streetlight/d1"


def refused(registry: Registry, times: int, at_us: int, user: str = USER, reason: str = "wrong_secret") -> None:
    with registry.write() as tx:
        tx.get(LoginRefusals).note([LoginRefusal(user, reason, None, None, "", "10.0.0.9", at_us, at_us, times)])


def told(registry: Registry, logins: RefusedLogins, at_us: int) -> dict[str, int]:
    with registry.read() as tx:
        return dict(logins.by_asset(tx, at_us))


def test_refusals_are_counted_while_they_are_young(registry: Registry) -> None:
    with_assets(registry, "lamp-1")
    with registry.write() as tx:
        tx.get(AssetRepository).bind(DeviceBinding("lamp-1", "d1", "kl", "streetlight", 1))
    logins = RefusedLogins()
    assert told(registry, logins, NOW_US) == {}
    refused(registry, 7, NOW_US)
    refused(registry, 2, NOW_US, reason="publish_denied")
    refused(registry, 50, NOW_US, user="sp/streetlight/d1")
    refused(registry, 50, NOW_US, user="kl/streetlight/nobody")
    refused(registry, 50, NOW_US, user="no login at all")
    assert told(registry, logins, NOW_US + 1) == {}, "looked a moment ago"
    assert told(registry, logins, NOW_US + LOOK_US) == {"lamp-1": 9}
    later_us = NOW_US + LOOK_US + WITHIN_US - 1
    refused(registry, 3, later_us)
    assert told(registry, logins, later_us) == {"lamp-1": 10}
    assert told(registry, logins, later_us + LOOK_US) == {"lamp-1": 3}
    assert told(registry, logins, later_us + WITHIN_US + 1) == {}


def test_after_a_start_old_counts_are_not_taken_for_young_ones(registry: Registry) -> None:
    with_assets(registry, "lamp-1")
    with registry.write() as tx:
        tx.get(AssetRepository).bind(DeviceBinding("lamp-1", "d1", "kl", "streetlight", 1))
    refused(registry, 500, NOW_US - 2 * WITHIN_US)
    refused(registry, 1, NOW_US)
    logins = RefusedLogins()
    assert told(registry, logins, NOW_US) == {"lamp-1": 1}
    refused(registry, 11, NOW_US + LOOK_US)
    assert told(registry, logins, NOW_US + LOOK_US) == {"lamp-1": 12}
