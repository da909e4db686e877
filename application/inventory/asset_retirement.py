"""Taking an asset out of service; and how the live stream is told of alarms."""

from dataclasses import replace

from application.device_credentials import revoke_if_any, user_of
from application.ports.alarms import AlarmRepository
from application.ports.changes import Change, ChangeFeed
from application.ports.credentials import CredentialRepository
from application.ports.inventory import Asset, AssetRepository
from application.ports.registry import RegistryTransaction
from devices.alarms import Alarm
from devices.time_us import rfc3339


def retire_asset(tx: RegistryTransaction, asset: Asset, now_us: int) -> None:
    """Retire the asset: its history stays; its alarms end, as nobody looks at it any more, and its device's login."""
    inventory = tx.get(AssetRepository)
    device = inventory.current_devices([asset.asset_id]).get(asset.asset_id)
    if device is not None:
        revoke_if_any(tx.get(CredentialRepository), user_of(asset.tenant_id, asset.kind, device), now_us)
    inventory.change(replace(asset, retired_us=now_us))
    alarms = tx.get(AlarmRepository)
    still = alarms.open_of([asset.asset_id])
    alarms.clear([a.alarm_id for a in still], now_us)
    tx.get(ChangeFeed).add([alarm_change(replace(a, cleared_us=now_us), now_us) for a in still])


def alarm_change(alarm: Alarm, now_us: int) -> Change:
    """What the live stream says of an alarm."""
    data = {
        "alarm_id": alarm.alarm_id,
        "asset_id": alarm.asset_id,
        "device_id": alarm.asset_id,
        "name": alarm.name,
        "part": alarm.part,
        "severity": alarm.severity.value,
        "since": rfc3339(alarm.since_us),
        "cleared": _instant(alarm.cleared_us),
        "acknowledged": _instant(alarm.acknowledged_us),
        "shelved_until": _instant(alarm.shelved_until_us),
    }
    return Change(0, now_us, alarm.tenant_id, alarm.kind, "alarm", data)


def _instant(instant_us: int | None) -> str | None:
    return None if instant_us is None else rfc3339(instant_us)
