"""Letting a connector speak for devices: whose they are, who may, and what is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.device_credentials import CredentialIssuer
from application.access import authorization
from application.audit.audit_trail import record_assets
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.memberships import MOVED, ConnectorMembership, MembershipRepository
from devices.errors import Conflict, Invalid, NotFound
from devices.time_us import rfc3339

_A_CHANGE = 500


@dataclass(frozen=True, slots=True)
class MembershipEditor:
    """Works for one caller in one transaction, with the rights to give logins: who may speak for a device is one."""

    issuer: CredentialIssuer

    def begin(
        self, connector_id: str, member_ids: Sequence[str], from_us: int | None
    ) -> list[tuple[str, ConnectorMembership]]:
        """Let the device of an asset speak for those of others: for all or, when one is unfit, for none.

        Raises NotFound, Forbidden, Invalid, Conflict.
        """
        tx, now_us = self.issuer.tx, self.issuer.now_us
        connector, bound = self._connector(connector_id)
        wanted = self.issuer.devices(member_ids)
        bindings = tx.get(AssetRepository).current_bindings([asset.asset_id for asset, _ in wanted])
        begin_us = now_us if from_us is None else from_us
        if begin_us > now_us:
            raise Invalid("in_the_future", field="from")
        for asset, _ in wanted:
            self._must_fit(asset, connector)
            if begin_us < max(bound.from_us, bindings[asset.asset_id].from_us):
                raise Invalid("before_their_devices", device=asset.asset_id, field="from")
        self.issuer.must_have_no_login([user for _, user in wanted])
        new = [_membership(bindings[asset.asset_id], bound, begin_us) for asset, _ in wanted]
        tx.get(MembershipRepository).begin(new)
        self._told("device.speak_for", connector, [asset for asset, _ in wanted], begin_us)
        return [(asset.asset_id, one) for (asset, _), one in zip(wanted, new, strict=True)]

    def end(self, connector_id: str, member_id: str) -> None:
        """End it now. Raises NotFound, Forbidden."""
        tx = self.issuer.tx
        connector = authorization.own_asset(tx, self.issuer.who, connector_id)
        member, user = self.issuer.device(member_id)
        device_id = user.rpartition("/")[2]
        running = tx.get(MembershipRepository).of_members([device_id]).get(device_id, (None,))[-1]
        bound = tx.get(AssetRepository).current_devices([connector_id])
        if running is None or running.until_us is not None or running.connector_id != bound.get(connector_id):
            raise NotFound
        tx.get(MembershipRepository).end([device_id], self.issuer.now_us)
        self._told("device.speak_for_end", connector, [member], self.issuer.now_us)

    def members(self, connector_id: str) -> list[tuple[str, ConnectorMembership]]:
        """For whom it speaks now, as far as the caller may see them. Raises NotFound."""
        tx = self.issuer.tx
        authorization.own_asset(tx, self.issuer.who, connector_id)
        device_id = tx.get(AssetRepository).current_devices([connector_id]).get(connector_id)
        running = tx.get(MembershipRepository).running_of(device_id) if device_id is not None else ()
        assets = self._assets([one.member_id for one in running])
        return [(assets[one.member_id], one) for one in running if one.member_id in assets]

    def connectors(self, asset_id: str) -> list[tuple[str | None, ConnectorMembership]]:
        """Who speaks and spoke for the device now bound, newest first; a connector that is not the caller's unnamed."""
        tx = self.issuer.tx
        authorization.own_asset(tx, self.issuer.who, asset_id)
        device_id = tx.get(AssetRepository).current_devices([asset_id]).get(asset_id)
        all_of_it = (
            tx.get(MembershipRepository).of_members([device_id]).get(device_id, ()) if device_id is not None else ()
        )
        assets = self._assets([one.connector_id for one in all_of_it])
        return [(assets.get(one.connector_id), one) for one in reversed(all_of_it)]

    def _connector(self, asset_id: str) -> tuple[Asset, DeviceBinding]:
        tx = self.issuer.tx
        connector = authorization.own_asset(tx, self.issuer.who, asset_id)
        bound = tx.get(AssetRepository).current_bindings([asset_id]).get(asset_id)
        if bound is None:
            raise Conflict("no_device_bound")
        return connector, bound

    @staticmethod
    def _must_fit(asset: Asset, connector: Asset) -> None:
        if asset.asset_id == connector.asset_id:
            raise Invalid("names_connector_itself", field="devices")
        if asset.tenant_id != connector.tenant_id:
            raise Invalid("other_town_than_connector", device=asset.asset_id, field="devices")

    def _assets(self, device_ids: Sequence[str]) -> Mapping[str, str]:
        """Assets that the devices are bound to, by device, those that the caller may see."""
        inventory, who = self.issuer.tx.get(AssetRepository), self.issuer.who
        newest = {device: some[-1] for device, some in inventory.bindings_of_devices(device_ids).items()}
        mine = (b for b in newest.values() if who.is_at_home(b.tenant_id))
        return {b.device_id: b.asset_id for b in mine if who.may_on(f"{b.kind}:read", b.asset_id)}

    def _told(self, action: str, connector: Asset, members: Sequence[Asset], at_us: int) -> None:
        tx, now_us = self.issuer.tx, self.issuer.now_us
        detail = {"connector": connector.asset_id, "at": rfc3339(at_us)}
        record_assets(tx, self.issuer.who, action, members, detail)
        by_kind: dict[str, list[str]] = {}
        for asset in members:
            by_kind.setdefault(asset.kind, []).append(asset.asset_id)
        tx.get(ChangeFeed).add(
            [
                Change(0, now_us, connector.tenant_id, kind, MOVED, {"devices": [{"device_id": i} for i in some]})
                for kind, ids in by_kind.items()
                for start in range(0, len(ids), _A_CHANGE)
                if (some := ids[start : start + _A_CHANGE])
            ]
        )


def _membership(member: DeviceBinding, connector: DeviceBinding, from_us: int) -> ConnectorMembership:
    return ConnectorMembership(
        member.device_id, member.kind, connector.device_id, connector.kind, connector.tenant_id, from_us
    )
