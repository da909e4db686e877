"""Fills the demo's registry and plans its requests: a program of its own, so that what watches the demo stays small."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import cli.demo.kinds
from application.access.actor import Actor
from application.access.api_keys import KeyRequest, make_api_key
from application.ports.inventory import Asset, AssetGroup, AssetRepository, DeviceBinding, GroupRepository
from application.ports.registry import Registry, RegistryTransaction
from application.tenants import take_in_first_tenant
from cli.demo.demo_part import KEYS, PLAN, USERS, AssetFacts, DemoPart
from cli.demo.people import DemoPeople
from devices.errors import NotFound
from devices.kind_catalog import KindCatalog, discover_kinds, sub_packages
from runtime import program_support, settings
from runtime.audit_setup import operator
from runtime.private_file import replace_private_file
from runtime.registry_access import registry_of
from simulators.device import SimulatedDevice
from simulators.fleet import devices_of, simulated_kinds
from simulators.options import BrokerAddress, SimulationOptions

_NO_BROKER: Final = BrokerAddress("", 0)


def main(data_dir: Annotated[Path, program_support.DATA_DIR]) -> None:
    """Register what is simulated, make keys and users, write the plan; what is there stays."""
    chosen = settings.load_settings(data_dir)
    parts = {m.__name__.rpartition(".")[2]: m.DEMO for m in sub_packages(cli.demo.kinds)}
    counts = {kind: parts[kind].count if kind in parts else None for kind in simulated_kinds()}
    fleets = {kind: devices_of(SimulationOptions(kind, _NO_BROKER, count)) for kind, count in counts.items()}
    now_us = time.time_ns() // 1000
    catalog = discover_kinds()
    actor = operator(catalog)
    with registry_of(chosen, migrate=True, recording=True) as registry:
        with registry.write() as tx:
            take_in_first_tenant(tx, actor, chosen.default_tenant, now_us)
            for kind, fleet in fleets.items():
                _register(tx, chosen.default_tenant, fleet, parts.get(kind), now_us)
        shown = {kind: parts[kind] for kind in fleets if kind in parts}
        keys = _read_keys(chosen.data_dir / KEYS)
        wanted = [
            KeyRequest(part.key, frozenset(part.scopes), chosen.default_tenant)
            for part in shown.values()
            if part.key not in keys
        ]
        if wanted:
            keys |= _make_keys(registry, actor, catalog, wanted, now_us)
            replace_private_file(chosen.data_dir / KEYS, json.dumps(keys, indent=1))
        people = DemoPeople(registry, chosen.data_dir / USERS, chosen.default_tenant, now_us)
        people.let_in(list(shown.values()))
        token = people.token()
    plan = {"token": token, "simulated": counts, "audiences": _audiences(shown, keys, now_us)}
    replace_private_file(chosen.data_dir / PLAN, json.dumps(plan, indent=1))


def _register(
    tx: RegistryTransaction, tenant: str, fleet: Sequence[SimulatedDevice], part: DemoPart | None, now_us: int
) -> None:
    inventory, groups = tx.get(AssetRepository), tx.get(GroupRepository)
    members: dict[str, list[str]] = {}
    for device in fleet:
        for group in device.groups:
            members.setdefault(group, []).append(device.device_id)
        facts = part.facts(device.device_id) if part else AssetFacts(device.device_id)
        if not inventory.many([device.device_id]):
            info: Mapping[str, object] = next((o.body for o in device.start(now_us) if o.channel == "info"), {})
            lat, lon = (v if isinstance(v := info.get(n), float) else None for n in ("lat", "lon"))
            asset_id = device.device_id
            inventory.add(
                Asset(asset_id, tenant, device.kind, facts.name, now_us, lat, lon, facts.attributes, facts.via)
            )
            # Bound since ever: the history lies before now.
            inventory.bind(DeviceBinding(asset_id, asset_id, tenant, device.kind, 0))
    for group_id, ids in members.items():
        try:
            groups.get(group_id)
        except NotFound:
            groups.put(AssetGroup(group_id, tenant, fleet[0].kind, group_id.capitalize(), tuple(ids), version=0))


def _read_keys(file: Path) -> dict[str, str]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _make_keys(
    registry: Registry, actor: Actor, catalog: KindCatalog, wanted: Sequence[KeyRequest], now_us: int
) -> dict[str, str]:
    with registry.write() as tx:
        return {one.name: make_api_key(tx, actor, catalog, one, now_us)[1] for one in wanted}


def _audiences(parts: Mapping[str, DemoPart], keys: Mapping[str, str], now_us: int) -> object:
    return [
        {
            "kind": kind,
            "audience": part.audience,
            "key": keys[part.key],
            "there": part.there,
            "shown": [asdict(line) for line in part.shown],
            "requests": [asdict(request) for request in part.requests(now_us)],
        }
        for kind, part in parts.items()
    ]


if __name__ == "__main__":
    program_support.run_program("demo", main)
