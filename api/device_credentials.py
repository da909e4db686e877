"""Issuing and revoking logins of devices for callers: whose devices, who may, and what is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.provisioning_sheet import HandedLogin
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import record_assets
from application.device_certificates import CertificateFacts
from application.device_credentials import issue_passwords, parts_of, user_of
from application.ports.credentials import CredentialRepository, CredentialType, DeviceCredential
from application.ports.inventory import Asset, AssetRepository, GroupRepository
from application.ports.memberships import spoken_for
from application.ports.registry import RegistryTransaction
from devices.errors import Conflict, Forbidden, Invalid
from devices.kind_catalog import KindCatalog

ADMIN = "credentials:admin"
"""For open kinds; those of a restricted kind are given out by who holds `{kind}:credentials`."""


@dataclass(frozen=True, slots=True)
class CredentialIssuer:
    """Works for one caller in one transaction."""

    tx: RegistryTransaction
    who: Actor
    catalog: KindCatalog
    now_us: int

    def device(self, asset_id: str) -> tuple[Asset, str]:
        """An asset and the user name of its device. Raises NotFound, Forbidden, Conflict when none is bound."""
        asset = authorization.own_asset(self.tx, self.who, asset_id)
        self._may(asset)
        device_id = self.tx.get(AssetRepository).current_devices([asset_id]).get(asset_id)
        if device_id is None:
            raise Conflict("no_device_bound")
        return asset, user_of(asset.tenant_id, asset.kind, device_id)

    def first(self, asset_id: str) -> HandedLogin:
        """Issue where there is none that is valid. Raises Conflict."""
        asset, user = self.device(asset_id)
        if self._valid([user]):
            raise Conflict("has_valid_login")
        return self._issue([(asset, user)], "credential.issue")[0]

    def rotated(self, asset_id: str) -> HandedLogin:
        """Issue another; the earlier one ends. Raises NotFound where there is none that is valid."""
        asset, user = self.device(asset_id)
        self.tx.get(CredentialRepository).get(user)
        if not self._valid([user]):
            raise Conflict("has_no_valid_login")
        return self._issue([(asset, user)], "credential.rotate")[0]

    def certified(self, asset_id: str, pem: str) -> DeviceCredential:
        """Take a certificate for its login; an earlier one ends. Raises Invalid."""
        asset, user = self.device(asset_id)
        facts = CertificateFacts.of(pem)
        way, proof, end_us = CredentialType.CERTIFICATE, facts.fingerprint, facts.end_us
        if end_us <= self.now_us:
            raise Invalid("certificate_has_ended", field="certificate")
        self._must_speak_for_itself([user])
        credentials = self.tx.get(CredentialRepository)
        credentials.put(
            [DeviceCredential(*parts_of(user), way, proof, self.now_us, self.now_us, self.who.actor, expires_us=end_us)]
        )
        record_assets(self.tx, self.who, "credential.issue", [asset])
        return credentials.get(user)

    def many(self, asset_ids: Sequence[str], *, renew: bool) -> tuple[list[HandedLogin], list[str]]:
        """Issue for all that have none, or with `renew` for all; also the ids of those that keep theirs."""
        wanted = self.devices(asset_ids)
        valid = set() if renew else self._valid([user for _, user in wanted])
        new = [(asset, user) for asset, user in wanted if user not in valid]
        handed = self._issue(new, "credential.rotate" if renew else "credential.issue")
        return handed, [asset.asset_id for asset, user in wanted if user in valid]

    def members(self, group_id: str) -> Sequence[str]:
        """Ids of a group's assets. Raises NotFound."""
        authorization.own_group(self.tx, self.who, group_id)
        return self.tx.get(GroupRepository).get(group_id).members

    def shown(self, asset_id: str) -> DeviceCredential:
        """The credential, revoked or not. Raises NotFound."""
        _, user = self.device(asset_id)
        return self.tx.get(CredentialRepository).get(user)

    def revoke(self, asset_id: str) -> str:
        """End it, from the next second or two on; returns the user name. Raises NotFound."""
        asset, user = self.device(asset_id)
        self.tx.get(CredentialRepository).revoke(user, self.now_us)
        record_assets(self.tx, self.who, "credential.revoke", [asset])
        return user

    def _may(self, asset: Asset) -> None:
        restricted = asset.kind in self.who.restricted_kinds
        scope = f"{asset.kind}:credentials" if restricted else ADMIN
        if not self.who.may(scope):
            raise Forbidden("scope_missing", scope=scope)

    def devices(self, asset_ids: Sequence[str]) -> list[tuple[Asset, str]]:
        """Assets and the user names of their devices, each once. Raises Forbidden, Invalid, Conflict."""
        inventory = self.tx.get(AssetRepository)
        assets, bound = inventory.many(asset_ids), inventory.current_devices(asset_ids)
        found = []
        for asset_id in dict.fromkeys(asset_ids):
            asset, device_id = assets.get(asset_id), bound.get(asset_id)
            if asset is None or not self._sees(asset):
                raise Invalid("no_device_of_yours", device=asset_id, field="devices")
            self._may(asset)
            if device_id is None:
                raise Conflict("no_device_bound_to", device=asset_id, field="devices")
            found.append((asset, user_of(asset.tenant_id, asset.kind, device_id)))
        return found

    def _sees(self, asset: Asset) -> bool:
        return self.who.is_at_home(asset.tenant_id) and self.who.may_on(f"{asset.kind}:read", asset.asset_id)

    def must_have_no_login(self, users: Sequence[str]) -> None:
        """Raise Conflict for devices that could speak for themselves."""
        valid = self._valid(users)
        if valid:
            raise Conflict("has_own_login", user=min(valid), field="devices")

    def _must_speak_for_itself(self, users: Sequence[str]) -> None:
        running = spoken_for(self.tx, [user.rpartition("/")[2] for user in users])
        if running:
            raise Conflict("speaks_through_connector", device=min(running))

    def _valid(self, users: Sequence[str]) -> set[str]:
        known = self.tx.get(CredentialRepository).of_devices([user.rpartition("/")[2] for user in users])
        return {c.user for c in known.values() if c.revoked_us is None}

    def _issue(self, wanted: Sequence[tuple[Asset, str]], action: str) -> list[HandedLogin]:
        self._must_speak_for_itself([user for _, user in wanted])
        passwords = issue_passwords(
            self.tx.get(CredentialRepository), [user for _, user in wanted], self.who.actor, self.now_us
        )
        record_assets(self.tx, self.who, action, [asset for asset, _ in wanted])
        return [HandedLogin(asset.asset_id, asset.name, user, passwords[user]) for asset, user in wanted]
