"""Pauses of logins: written by who counts, read by what lets devices in."""

from collections.abc import Sequence

from application.message_quota import FORGIVEN_S, QuotaExceeded
from application.ports.inventory import AssetRepository, DeviceBinding
from application.ports.quota_pauses import QuotaPause, QuotaPauses
from application.ports.registry import Registry
from devices.time_us import DAY_US, SECOND_US
from gateway.effects.login_refusals import LOOK_US
from gateway.effects.quota_pauses import PausedLogins
from gateway.quota_enforcer import QuotaEnforcer
from tests.contracts.registry.making import with_assets

NOW_US = 1_790_000_000_000_000
USER = "kl/streetlight/d1"


def pause(device: str, until_us: int) -> QuotaPause:
    return QuotaPause("kl", "streetlight", device, until_us - SECOND_US, until_us, 1, 5000, 10**6)


def since(registry: Registry, from_us: int) -> Sequence[QuotaPause]:
    with registry.read() as tx:
        return tx.get(QuotaPauses).since(from_us)


def test_pauses_are_kept_by_login_and_raise_the_revision(registry: Registry) -> None:
    with registry.write() as tx:
        pauses = tx.get(QuotaPauses)
        before = pauses.revision()
        pauses.put([])
        assert pauses.revision() == before
        pauses.put([pause("d2", NOW_US), pause("d1", NOW_US + 10)])
        assert pauses.revision() > before
        assert pauses.of_users([USER, "kl/streetlight/nobody"]) == {USER: pause("d1", NOW_US + 10)}
    assert since(registry, NOW_US) == [pause("d1", NOW_US + 10)]
    later = pause("d1", NOW_US + 40 * DAY_US)
    with registry.write() as tx:
        tx.get(QuotaPauses).put([later])
    assert since(registry, 0) == [later], "what is long over left"


class _Clock:
    now_us = NOW_US

    def __call__(self) -> int:
        return self.now_us


def test_who_goes_on_is_kept_out_longer_each_time(registry: Registry) -> None:
    clock, told = _Clock(), [QuotaExceeded(USER, 5000, 9)]
    enforcer = QuotaEnforcer(registry, [lambda: told], clock)
    found = []
    for wait_s in (0, 5, 6, 21, 41, FORGIVEN_S + 100):
        clock.now_us += wait_s * SECOND_US
        enforcer.begin_pauses()
        (newest,) = since(registry, 0)
        found.append((newest.times, (newest.until_us - newest.since_us) // SECOND_US))
    assert found == [(1, 10), (1, 10), (2, 20), (3, 40), (4, 80), (1, 10)]
    assert enforcer.paused == 5


def test_pauses_are_told_by_asset_while_they_are_young(registry: Registry) -> None:
    with_assets(registry, "lamp-1")
    with registry.write() as tx:
        tx.get(AssetRepository).bind(DeviceBinding("lamp-1", "d1", "kl", "streetlight", 1))
        tx.get(QuotaPauses).put([pause("d1", NOW_US), pause("nobody", NOW_US)])
    paused = PausedLogins()
    with registry.read() as tx:
        assert dict(paused.by_asset(tx, NOW_US)) == {"lamp-1": 1}
        assert dict(paused.by_asset(tx, NOW_US + DAY_US)) == {}
        assert dict(paused.by_asset(tx, NOW_US + DAY_US + LOOK_US)) == {}
