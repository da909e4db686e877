"""Who was kept out of late for saying too much, by the asset that each stands for."""

from collections.abc import Mapping

from application.ports.inventory import AssetRepository
from application.ports.quota_pauses import QuotaPauses
from application.ports.registry import RegistryTransaction
from devices.generic_rules import REFUSED_WITHIN_S
from devices.time_us import SECOND_US
from gateway.effects.login_refusals import LOOK_US, by_asset

_WITHIN_US = REFUSED_WITHIN_S * SECOND_US


class PausedLogins:
    """Read anew each half minute."""

    def __init__(self) -> None:
        self._read_us = -LOOK_US
        self._found: Mapping[str, int] = {}

    def by_asset(self, tx: RegistryTransaction, now_us: int) -> Mapping[str, int]:
        """Number in a row of the pause that lasts or ended within `REFUSED_WITHIN_S`."""
        if now_us - self._read_us >= LOOK_US:
            times = {pause.user: pause.times for pause in tx.get(QuotaPauses).since(now_us - _WITHIN_US)}
            self._found = by_asset(tx.get(AssetRepository), times)
            self._read_us = now_us
        return self._found
