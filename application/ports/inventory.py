"""Assets, the devices bound to them, groups, and devices nobody registered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from application.ports.paging import ResultPage


@dataclass(frozen=True, slots=True)
class Asset:
    """A light point, a drone, a node: the thing with a history. `attributes` are JSON-able."""

    asset_id: str
    tenant_id: str
    kind: str
    name: str
    created_us: int
    lat: float | None = None
    lon: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    via: str | None = None
    """Asset id of its parent in the network: what it hangs behind. Who speaks for it says `memberships`."""
    retired_us: int | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class DeviceBinding:
    """A device (controller) bound to an asset from–to; `until_us` None while it lasts."""

    asset_id: str
    device_id: str
    tenant_id: str
    kind: str
    from_us: int
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class UnknownDevice:
    """A device that speaks but is not bound to any asset."""

    device_id: str
    tenant_id: str
    kind: str
    first_seen_us: int
    last_seen_us: int
    messages: int
    info: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """What to list. `kinds` and `tenant_ids` None mean all; `status` is the connection state."""

    kinds: Collection[str] | None = None
    also: Collection[str] = ()
    """Asset ids that pass although their kind does not."""
    tenant_ids: Collection[str] | None = None
    borrowed: Collection[str] = ()
    """Asset ids that pass although their town does not."""
    status: str | None = None
    text: str = ""
    group_id: str | None = None
    include_retired: bool = False


@dataclass(frozen=True, slots=True)
class AssetGroup:
    """Named set of assets of one tenant and kind, addressed by one publish."""

    group_id: str
    tenant_id: str
    kind: str
    name: str
    members: tuple[str, ...] = ()
    """Asset ids."""
    version: int = 1


class AssetRepository(Protocol):
    """Registered assets and their devices."""

    def add(self, asset: Asset) -> None:
        """Register. Raises Conflict when the id exists."""

    def add_many(self, assets: Sequence[Asset], bindings: Sequence[DeviceBinding]) -> None:
        """Register many at once and bind devices that never were bound. Raises Conflict when one of either exists."""

    def change(self, asset: Asset) -> Asset:
        """Replace name, position, attributes, via, retired; returns it with the new version. Retiring ends its binding.

        Raises NotFound, VersionMismatch.
        """

    def get(self, asset_id: str) -> Asset:
        """Raises NotFound."""

    def find(self, which: AssetFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[Asset]:
        """Assets in order of id."""

    def count_by_tenant(self, kinds: Collection[str], tenant_ids: Collection[str] | None) -> dict[str, int]:
        """How many assets of the kinds, not retired, each of the tenants (None: all) has."""

    def many(self, asset_ids: Collection[str]) -> dict[str, Asset]:
        """Known assets among the given."""

    def bind(self, binding: DeviceBinding) -> None:
        """Bind from `from_us` on; ends the asset's and the device's running binding then. Forgets the unknown device.

        The pair that runs already stays as it is. Raises NotFound, Conflict when it would overlap another binding.
        """

    def bindings_of_devices(self, device_ids: Collection[str]) -> dict[str, tuple[DeviceBinding, ...]]:
        """All bindings of each known device, oldest first."""

    def bindings_of_asset(self, asset_id: str) -> tuple[DeviceBinding, ...]:
        """All bindings of an asset, oldest first."""

    def current_bindings(self, asset_ids: Collection[str]) -> dict[str, DeviceBinding]:
        """The running binding of each asset that has one: where its device listens."""

    def current_devices(self, asset_ids: Collection[str]) -> dict[str, str]:
        """Device id now bound to each asset that has one."""

    def revision(self) -> int:
        """Number that rises with every change of assets, bindings or groups; caches compare it."""

    def note_unknown(self, seen: Sequence[UnknownDevice]) -> None:
        """Count messages of unbound devices; keeps at most 10,000, the oldest leave first."""

    def unknown(
        self,
        limit: int = 100,
        cursor: str | None = None,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
    ) -> ResultPage[UnknownDevice]:
        """Devices waiting for approval, in order of id."""

    def get_unknown(self, device_id: str) -> UnknownDevice:
        """Raises NotFound."""

    def forget_unknown(self, device_id: str) -> None:
        """Drop from the waiting list; it comes back when it speaks again."""


class GroupRepository(Protocol):
    """Groups of assets."""

    def put(self, group: AssetGroup) -> AssetGroup:
        """Create (version 0 given) or change name and members (current version given).

        Raises NotFound, VersionMismatch, Conflict when it exists or a member is no asset of its tenant and kind.
        """

    def get(self, group_id: str) -> AssetGroup:
        """Raises NotFound."""

    def list(
        self, tenant_ids: Collection[str] | None, kinds: Collection[str] | None, also: Collection[str] = ()
    ) -> Sequence[AssetGroup]:
        """Groups of the kinds, or with an id in `also`, in order of id."""

    def of_asset(self, asset_id: str) -> Sequence[AssetGroup]:
        """Groups the asset belongs to."""

    def remove(self, group_id: str) -> None:
        """Raises NotFound, Conflict while a notification rule names it."""
