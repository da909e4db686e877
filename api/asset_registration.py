"""A new asset as it is asked for at the API, one or many at a time."""

from pydantic import Field

from api.fields import Attributes, Name, RequestBody
from application.inventory.asset_registrar import NewAsset
from devices.messages import Id


class AssetRegistration(RequestBody):
    """A new asset; with `device_id` the device is bound to it at once."""

    id: Id | None = None
    """Immutable, unique in the installation; made up when absent."""
    tenant_id: Id | None = None
    kind: Id
    name: Name
    device_id: Id | None = None
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    attributes: Attributes = Field(default_factory=dict)
    via: Id | None = None
    """Id of its parent in the network: what it hangs behind. That lets nobody speak for it."""

    def new_asset(self) -> NewAsset:
        """Return it as the use-case takes it."""
        return NewAsset(
            kind=self.kind,
            name=self.name,
            asset_id=self.id,
            tenant_id=self.tenant_id,
            device_id=self.device_id,
            lat=self.lat,
            lon=self.lon,
            attributes=self.attributes,
            via=self.via,
        )
