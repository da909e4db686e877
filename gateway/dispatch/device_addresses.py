"""Where the device of an asset is reached: on its own topics, or below those of the connector that speaks for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from application.ports.inventory import AssetRepository
from application.ports.memberships import MembershipRepository
from application.ports.registry import RegistryTransaction
from devices import topics


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """Prefix of the topics; the owner's also while another town has the device."""

    base: str
    through_connector: bool = False
    """Then it hears no commands to groups: the connector would have to know who is in them."""


def device_addresses(tx: RegistryTransaction, asset_ids: Collection[str], root: str) -> Mapping[str, DeviceAddress]:
    """Of each asset that has a device."""
    bound = tx.get(AssetRepository).current_bindings(asset_ids)
    of_members = tx.get(MembershipRepository).of_members([b.device_id for b in bound.values()]) if bound else {}
    found = {}
    for asset_id, binding in bound.items():
        newest = of_members.get(binding.device_id, (None,))[-1]
        if newest is None or newest.until_us is not None:
            base = topics.device_base(binding.tenant_id, binding.kind, binding.device_id, root)
            found[asset_id] = DeviceAddress(base)
        else:
            connector = topics.device_base(newest.tenant_id, newest.connector_kind, newest.connector_id, root)
            member = topics.member_base(connector, binding.kind, binding.device_id)
            found[asset_id] = DeviceAddress(member, through_connector=True)
    return found
