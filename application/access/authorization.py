"""What the caller may see: the lookups every route goes through."""

from collections.abc import Iterable
from dataclasses import dataclass

from application.access.actor import Actor
from application.lending import AssetOwnership, Lent, asset_ownerships
from application.ports.inventory import Asset, AssetGroup, AssetRepository, GroupRepository
from application.ports.latest_values import LatestValue
from application.ports.loans import LoanRepository
from application.ports.registry import RegistryTransaction
from application.ports.telemetry import TelemetryReader
from application.telemetry.owned_reader import OwnedReader
from application.tenants import must_be_served
from devices.errors import Invalid, NotFound
from devices.kind_catalog import KindCatalog


def own_asset(tx: RegistryTransaction, who: Actor, asset_id: str) -> Asset:
    """Return the asset if it is the caller's. Raises NotFound."""
    found = tx.get(AssetRepository).get(asset_id)
    who.must_see_asset(found.tenant_id, found.kind, asset_id)
    return found


def visible_asset(tx: RegistryTransaction, who: Actor, asset_id: str) -> Asset:
    """Return the asset if it is the caller's, or was, is or will be lent to his town. Raises NotFound.

    Not all that is stored of it need be his: read series through `reader`, rows of `latest` by their town.
    """
    return _known(tx, who, asset_id)[0]


def held_asset(tx: RegistryTransaction, who: Actor, asset_id: str, now_us: int) -> Asset:
    """Return the asset if the caller's town has it now. Raises NotFound, Lent for what is known and elsewhere."""
    found, owned = _known(tx, who, asset_id)
    if who.tenant_id is not None and owned.at(now_us) != who.tenant_id:
        raise Lent
    return found


def _known(tx: RegistryTransaction, who: Actor, asset_id: str) -> tuple[Asset, AssetOwnership]:
    found = tx.get(AssetRepository).get(asset_id)
    owned = asset_ownerships(tx, [found])[asset_id]
    if not owned.concerns(who.tenants()) or not who.may_on(f"{found.kind}:read", asset_id):
        raise NotFound
    return found, owned


def borrowed_assets(tx: RegistryTransaction, who: Actor, now_us: int) -> frozenset[str]:
    """Assets that are or will be lent to the caller's town."""
    if who.tenant_id is None:
        return frozenset()
    return frozenset(loan.asset_id for loan in tx.get(LoanRepository).to_towns({who.tenant_id}, now_us))


def owned_reader(
    tx: RegistryTransaction, who: Actor, stored: TelemetryReader, assets: Iterable[Asset]
) -> TelemetryReader:
    """Return what reads of the assets' series only what was measured while they were the caller's."""
    return OwnedReader(stored, asset_ownerships(tx, assets), who.tenants())


def visible_latest(who: Actor, latest: Iterable[LatestValue]) -> list[LatestValue]:
    """Newest values that are the caller's."""
    return [row for row in latest if who.is_at_home(row.tenant_id)]


def own_group(tx: RegistryTransaction, who: Actor, group_id: str) -> AssetGroup:
    """Return the group if it is the caller's. Raises NotFound."""
    found = tx.get(GroupRepository).get(group_id)
    if not who.is_at_home(found.tenant_id) or not who.may_within(f"{found.kind}:read", f"group/{group_id}"):
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class VisibleThings:
    """What a list shows: all of some kinds, and assets and groups of others."""

    kinds: frozenset[str]
    assets: frozenset[str]
    groups: frozenset[str]

    def shows(self, kind: str | None, asset_id: str | None) -> bool:
        """Tell whether something of an asset is shown."""
        return kind in self.kinds or asset_id in self.assets


def visible_things(who: Actor, catalog: KindCatalog, wanted: str | None = None) -> VisibleThings:
    """What to list of all kinds, or of the wanted one. Raises Invalid for one that does not exist."""
    whole = readable_kinds(who, catalog, wanted)
    partly = (who.some_kinds(catalog) if wanted is None else who.some_kinds(catalog) & {wanted}) - whole
    groups = frozenset().union(*(who.limited_to(f"{kind}:read", "group") for kind in partly))
    return VisibleThings(whole, who.some_assets(partly), groups)


def readable_kinds(who: Actor, catalog: KindCatalog, wanted: str | None = None) -> frozenset[str]:
    """Kinds that the caller may read wholly, or the wanted one of them. Raises Invalid for one that does not exist."""
    if wanted is None:
        return who.kinds(catalog)
    if wanted not in catalog:
        raise Invalid("not_one_of", allowed=list(catalog), field="query.kind")
    return who.kinds(catalog) & {wanted}


def every_kind(who: Actor, catalog: KindCatalog) -> bool:
    """Tell whether the caller may also see what belongs to no known kind."""
    return who.kinds(catalog) == {k.name for k in catalog.values() if not k.internal}


def tenant_of_new(tx: RegistryTransaction, who: Actor, wanted: str | None, field: str = "tenant_id") -> str:
    """Town that a new thing belongs to: the caller's own, or the one named, which must be there. Raises Invalid."""
    if who.tenant_id is None and wanted is None:
        raise Invalid("say_which_tenant", field=field)
    if who.tenant_id is not None and wanted not in {None, who.tenant_id}:
        raise Invalid("not_yours", field=field)
    chosen = who.tenant_id or wanted or ""
    must_be_served(tx, chosen, field)
    return chosen
