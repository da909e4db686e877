"""Which connector speaks for which devices: set, listed and ended by who may give logins."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from api import speaking
from api.authentication import Who
from api.fields import Body, IdInPath
from api.letting_in import Issuer
from api.paging import Items
from api.problems import responses
from api.services import Use
from api.times import TimeIn, TimeOut
from devices.messages import Id
from devices.ports.memberships import Membership

MOST = 5000
router = APIRouter(prefix="/devices", tags=["connectors"])


class Member(BaseModel):
    """A device that a connector speaks for."""

    id: str
    device_id: str
    kind: str
    from_: TimeOut = Field(serialization_alias="from")


class Connector(BaseModel):
    """Who speaks or spoke for a device; `id` and `device_id` are null where you may not see the connector."""

    id: str | None
    device_id: str | None
    from_: TimeOut = Field(serialization_alias="from")
    until: TimeOut | None


class MembersWanted(Body):
    """For whom it shall speak: some devices, or the members of a group; from now on when `from` is absent."""

    devices: Annotated[list[Id], Field(min_length=1, max_length=MOST)] | None = None
    group: Id | None = None
    from_: TimeIn | None = Field(None, alias="from")

    @model_validator(mode="after")
    def _one_of_both(self) -> "MembersWanted":
        if (self.devices is None) == (self.group is None):
            raise ValueError("give either devices or group")
        return self


@router.get("/{asset_id}/members")
def list_members(asset_id: IdInPath, who: Who, services: Use) -> Items[Member]:
    """List the devices that this one speaks for, in order of `device_id`."""
    with services.registry.read() as tx:
        found = speaking.Appointing(Issuer(tx, who, services.catalog, services.now_us())).members(asset_id)
    return Items[Member](items=[_member(*one) for one in found])


@router.get("/{asset_id}/connectors")
def list_connectors(asset_id: IdInPath, who: Who, services: Use) -> Items[Connector]:
    """List who speaks and spoke for the device now bound, newest first; none while it always spoke for itself."""
    with services.registry.read() as tx:
        found = speaking.Appointing(Issuer(tx, who, services.catalog, services.now_us())).connectors(asset_id)
    return Items[Connector](items=[_connector(*one) for one in found])


@router.post("/{asset_id}/members", status_code=201, responses=responses(409))
def add_members(asset_id: IdInPath, who: Who, services: Use, body: MembersWanted) -> Items[Member]:
    """Let this device speak for others of its town, for all or none; needs `credentials:admin`.

    For members of restricted kinds `{kind}:credentials` is needed instead. From then on they are heard through it only,
    and get commands and configuration through it; who spoke for them before does so no more. 409 for a device with a
    valid login of its own, and where a connector would be another's member.
    """
    with services.registry.write() as tx:
        issuer = Issuer(tx, who, services.catalog, services.now_us())
        ids = body.devices if body.devices is not None else list(issuer.members(body.group or ""))
        found = speaking.Appointing(issuer).begin(asset_id, ids, body.from_)
    return Items[Member](items=[_member(*one) for one in found])


@router.delete("/{asset_id}/members/{member_id}", status_code=204)
def end_member(asset_id: IdInPath, member_id: IdInPath, who: Who, services: Use) -> None:
    """End that this device speaks for that one; what was measured before may still come. Needs the same rights."""
    with services.registry.write() as tx:
        speaking.Appointing(Issuer(tx, who, services.catalog, services.now_us())).end(asset_id, member_id)


def _member(asset_id: str, one: Membership) -> Member:
    return Member(id=asset_id, device_id=one.member_id, kind=one.member_kind, from_=one.from_us)


def _connector(asset_id: str | None, one: Membership) -> Connector:
    device_id = None if asset_id is None else one.connector_id
    return Connector(id=asset_id, device_id=device_id, from_=one.from_us, until=one.until_us)
