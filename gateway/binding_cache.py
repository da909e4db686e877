"""Which asset a device stands for and who speaks for it, at which time; a copy that follows the registry's revision."""

from collections.abc import Collection

from application.lending import AssetOwnership
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.loans import Loan, LoanRepository
from application.ports.memberships import ConnectorMembership, MembershipRepository
from devices.samples import Sample
from devices.topics import UplinkTopic


class BindingCache:
    """Read in the effects thread; `refresh` within a transaction before each pass."""

    def __init__(self) -> None:
        self.revision = -1
        """Of the inventory, as of the last `refresh`."""
        self.connectors: frozenset[str] = frozenset()
        """Devices that speak for others now."""
        self._bindings: dict[str, tuple[DeviceBinding, ...]] = {}
        self._assets: dict[str, Asset] = {}
        self._absent: set[str] = set()
        self._memberships: dict[str, tuple[ConnectorMembership, ...]] = {}
        self._loans: dict[str, tuple[Loan, ...]] = {}

    def refresh(
        self,
        inventory: AssetRepository,
        loans: LoanRepository,
        memberships: MembershipRepository,
        device_ids: Collection[str],
    ) -> None:
        """Bring up to date for these devices."""
        revision = inventory.revision()
        if revision != self.revision:
            self._bindings.clear()
            self._assets.clear()
            self._absent.clear()
            self._memberships.clear()
            self._loans.clear()
            for loan in loans.all():
                self._loans[loan.asset_id] = (*self._loans.get(loan.asset_id, ()), loan)
            self.connectors = frozenset(user.rpartition("/")[2] for user in memberships.connectors())
            self.revision = revision
        wanted = {d for d in device_ids if d not in self._bindings and d not in self._absent}
        if wanted:
            found = inventory.bindings_of_devices(wanted)
            self._bindings.update(found)
            self._memberships.update(memberships.of_members(wanted))
            if len(self._absent) > 100_000:
                self._absent.clear()
            self._absent.update(wanted - found.keys())

    def of_device(self, device_id: str) -> tuple[DeviceBinding, ...]:
        """All bindings of the device; empty when nobody registered it."""
        return self._bindings.get(device_id, ())

    def memberships(self, device_id: str) -> tuple[ConnectorMembership, ...]:
        """Who speaks and spoke for the device, oldest first; empty where it always spoke for itself."""
        return self._memberships.get(device_id, ())

    @staticmethod
    def at(bindings: tuple[DeviceBinding, ...], ts_us: int) -> DeviceBinding:
        """The binding in force at an instant, or the last before it; before all of them the first."""
        for binding in bindings[:0:-1]:
            if binding.from_us <= ts_us:
                return binding
        return bindings[0]

    def assets(self, inventory: AssetRepository, asset_ids: Collection[str]) -> dict[str, Asset]:
        """The assets with these ids, remembered until the registry changes."""
        missing = [a for a in asset_ids if a not in self._assets]
        if missing:
            self._assets.update(inventory.many(missing))
        return {a: self._assets[a] for a in asset_ids if a in self._assets}

    def ownership(self, asset: Asset) -> AssetOwnership:
        """Whose an asset is, at which time."""
        return AssetOwnership(asset.tenant_id, self._loans.get(asset.asset_id, ()))

    @property
    def lent(self) -> bool:
        """Whether anything was ever lent; else each sample is whose the topic says."""
        return bool(self._loans)

    def given(self, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        """Samples of one message, each as that town's whose the asset was when it was measured."""
        if not self._loans or not samples or samples[0].asset_id not in self._loans:
            return samples
        ownership = AssetOwnership(samples[0].tenant_id, self._loans[samples[0].asset_id])
        return tuple(sample._replace(tenant_id=ownership.at(sample.ts_us)) for sample in samples)

    def holder(self, uplink: UplinkTopic, at_us: int) -> str:
        """Town whose is what came by a topic at an instant, well-formed or not."""
        bindings = self.of_device(uplink.device_id) if self._loans else ()
        if not bindings:
            return uplink.tenant_id
        binding = self.at(bindings, at_us)
        if binding.tenant_id != uplink.tenant_id:
            return uplink.tenant_id
        return AssetOwnership(uplink.tenant_id, self._loans.get(binding.asset_id, ())).at(at_us)
