"""Values for the tests; what a test does not name does not matter to it."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from application.ports.changes import Change
from application.ports.dead_letters import DeadLetter
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.latest_values import LatestValue
from application.ports.message_ledger import SequenceGap
from application.ports.registry import Registry
from devices.alarms import Alarm
from devices.commands.command import Command
from devices.messages import EventSeverity


def asset(asset_id: str, **values: Any) -> Asset:
    common: dict[str, Any] = {"tenant_id": "kl", "kind": "streetlight", "name": asset_id, "created_us": 1}
    return Asset(**common | values, asset_id=asset_id)


def binding(asset_id: str, device_id: str, from_us: int, until_us: int | None = None) -> DeviceBinding:
    return DeviceBinding(asset_id, device_id, "kl", "streetlight", from_us, until_us)


def with_assets(registry: Registry, *asset_ids: str) -> None:
    with registry.write() as tx:
        for asset_id in asset_ids:
            tx.get(AssetRepository).add(asset(asset_id))


def latest(asset_id: str, **values: Any) -> LatestValue:
    common: dict[str, Any] = {"kind": "streetlight", "tenant_id": "kl", "channel": "telemetry", "part": ""}
    common |= {"ts_us": 10, "received_us": 11, "values": {"power_w": 1.5}}
    return LatestValue(**common | values, asset_id=asset_id)


def alarm(alarm_id: str, **values: Any) -> Alarm:
    common: dict[str, Any] = {"asset_id": "lamp-1", "tenant_id": "kl", "kind": "streetlight", "name": "lamp_failed"}
    common |= {"part": "", "severity": EventSeverity.MAJOR, "since_us": 5, "raised_us": 6, "cleared_us": None}
    common |= {"acknowledged_us": None, "acknowledged_by": None, "comment": None, "details": {"power_w": 0.0}}
    return Alarm(**common | values, alarm_id=alarm_id)


def command(command_id: str, **values: Any) -> Command:
    common: dict[str, Any] = {"wire_id": command_id, "tenant_id": "kl", "kind": "streetlight", "asset_id": "lamp-1"}
    common |= {"group_id": None, "name": "dim", "arguments": {"level_pct": 40.0}, "issuer": "key-1", "reason": "test"}
    return Command(**common | {"issued_us": 100, "deliver_by_us": 200} | values, command_id=command_id)


def letter(letter_id: str, **values: Any) -> DeadLetter:
    common: dict[str, Any] = {"received_us": 5, "topic": b"city/\xff", "payload": b"\x00{", "reason": "bad_json"}
    common |= {"detail": "", "tenant_id": "kl", "kind": "streetlight", "device_id": "c-1"}
    return DeadLetter(**common | values, letter_id=letter_id)


def gap(device_id: str, **values: Any) -> SequenceGap:
    common: dict[str, Any] = {"kind": "streetlight", "tenant_id": "kl", "boot_id": "b1", "first_seq": 0, "last_seq": 9}
    return SequenceGap(**common | {"received": 8, "missing": 2, "at_us": 7} | values, device_id=device_id)


def change(topic: str = "telemetry", **values: Any) -> Change:
    common: dict[str, Any] = {"change_id": 0, "at_us": 1, "tenant_id": "kl", "kind": "streetlight", "data": {}}
    return Change(**common | values, topic=topic)


def in_threads(works: Sequence[Callable[[], None]]) -> None:
    """Run all at once; raises the first error of any."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
