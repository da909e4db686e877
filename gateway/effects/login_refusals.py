"""How often brokers refused the logins of devices lately, by the asset that each stands for."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Final

from application.device_authentication import RefusalReason
from application.ports.credentials import LoginRefusal, LoginRefusals
from application.ports.inventory import AssetRepository
from application.ports.registry import RegistryTransaction
from devices.generic_rules import REFUSED_WITHIN_S
from devices.time_us import SECOND_US

LOOK_US: Final = 30 * SECOND_US
_WITHIN_US: Final = REFUSED_WITHIN_S * SECOND_US


class RefusedLogins:
    """Brokers count from the beginning: what came lately is the difference to what was read a while ago."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], deque[tuple[int, int]]] = {}
        """By login and reason: when how many were counted; the first is what those of late are counted from."""
        self._read_us = -LOOK_US
        self._found: Mapping[str, int] = {}

    def by_asset(self, tx: RegistryTransaction, now_us: int) -> Mapping[str, int]:
        """Refusals within `REFUSED_WITHIN_S`; at least 1 for each that was refused at all."""
        if now_us - self._read_us >= LOOK_US:
            counts = self._count(tx.get(LoginRefusals).since(now_us - _WITHIN_US), now_us)
            self._found = by_asset(tx.get(AssetRepository), counts)
            self._read_us = now_us
        return self._found

    def _count(self, lines: Sequence[LoginRefusal], now_us: int) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        before, self._read = self._read, {}
        for line in lines:
            if line.reason == RefusalReason.PAUSED:
                continue
            key = (line.user, line.reason)
            all_of_late = line.first_us >= now_us - _WITHIN_US
            read = before.get(key) or deque([(now_us, 0 if all_of_late else line.times - 1)])
            read.append((now_us, line.times))
            while read[1][0] <= now_us - _WITHIN_US:
                read.popleft()
            self._read[key] = read
            counts[line.user] += max(1, line.times - read[0][1])
        return counts


def by_asset(inventory: AssetRepository, counts: Mapping[str, int]) -> Mapping[str, int]:
    """Counts by login as counts by the asset that its device stands for now."""
    device_ids = {user.rpartition("/")[2] for user in counts}
    found: dict[str, int] = {}
    for device_id, bindings in inventory.bindings_of_devices(device_ids).items():
        newest = bindings[-1]
        user = f"{newest.tenant_id}/{newest.kind}/{device_id}"
        if newest.until_us is None and user in counts:
            found[newest.asset_id] = counts[user]
    return found
