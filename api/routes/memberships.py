"""Which connector speaks for which devices: set, listed and ended by who may give logins."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from api import connector_members
from api.authentication import Who
from api.device_credentials import CredentialIssuer
from api.fields import IdInPath, RequestBody
from api.paging import ItemPage
from api.problems import problem_responses
from api.services import Use
from api.time_parameters import TimeIn, TimeOut
from application.ports.memberships import ConnectorMembership
from devices.errors import ValueRefused
from devices.messages import Id

MOST = 5000
router = APIRouter(prefix="/devices", tags=["connectors"])


class MemberSchema(BaseModel):
    """A device that a connector speaks for."""

    id: str
    device_id: str
    kind: str
    from_: TimeOut = Field(serialization_alias="from")


class ConnectorSchema(BaseModel):
    """Who speaks or spoke for a device; `id` and `device_id` are null where you may not see the connector."""

    id: str | None
    device_id: str | None
    from_: TimeOut = Field(serialization_alias="from")
    until: TimeOut | None


class MembersWanted(RequestBody):
    """For whom it shall speak: some devices, or the members of a group; from now on when `from` is absent."""

    devices: Annotated[list[Id], Field(min_length=1, max_length=MOST)] | None = None
    group: Id | None = None
    from_: TimeIn | None = Field(None, alias="from")

    @model_validator(mode="after")
    def _one_of_both(self) -> "MembersWanted":
        if (self.devices is None) == (self.group is None):
            raise ValueRefused("devices_or_group")
        return self


@router.get("/{asset_id}/members")
def list_members(asset_id: IdInPath, who: Who, services: Use) -> ItemPage[MemberSchema]:
    """List the devices that this one speaks for, in order of `device_id`."""
    with services.registry.read() as tx:
        found = connector_members.MembershipEditor(
            CredentialIssuer(tx, who, services.catalog, services.now_us())
        ).members(asset_id)
    return ItemPage[MemberSchema](items=[_member(*one) for one in found])


@router.get("/{asset_id}/connectors")
def list_connectors(asset_id: IdInPath, who: Who, services: Use) -> ItemPage[ConnectorSchema]:
    """List who speaks and spoke for the device now bound, newest first; none while it always spoke for itself."""
    with services.registry.read() as tx:
        found = connector_members.MembershipEditor(
            CredentialIssuer(tx, who, services.catalog, services.now_us())
        ).connectors(asset_id)
    return ItemPage[ConnectorSchema](items=[_connector(*one) for one in found])


@router.post("/{asset_id}/members", status_code=201, responses=problem_responses(409))
def add_members(asset_id: IdInPath, who: Who, services: Use, body: MembersWanted) -> ItemPage[MemberSchema]:
    """Let this device speak for others of its town, for all or none; needs `credentials:admin`.

    For members of restricted kinds `{kind}:credentials` is needed instead. From then on they are heard through it only,
    and get commands and configuration through it; who spoke for them before does so no more. 409 for a device with a
    valid login of its own, and where a connector would be another's member.
    """
    with services.registry.write() as tx:
        issuer = CredentialIssuer(tx, who, services.catalog, services.now_us())
        ids = body.devices if body.devices is not None else list(issuer.members(body.group or ""))
        found = connector_members.MembershipEditor(issuer).begin(asset_id, ids, body.from_)
    return ItemPage[MemberSchema](items=[_member(*one) for one in found])


@router.delete("/{asset_id}/members/{member_id}", status_code=204)
def end_member(asset_id: IdInPath, member_id: IdInPath, who: Who, services: Use) -> None:
    """End that this device speaks for that one; what was measured before may still come. Needs the same rights."""
    with services.registry.write() as tx:
        connector_members.MembershipEditor(CredentialIssuer(tx, who, services.catalog, services.now_us())).end(
            asset_id, member_id
        )


def _member(asset_id: str, one: ConnectorMembership) -> MemberSchema:
    return MemberSchema(id=asset_id, device_id=one.member_id, kind=one.member_kind, from_=one.from_us)


def _connector(asset_id: str | None, one: ConnectorMembership) -> ConnectorSchema:
    device_id = None if asset_id is None else one.connector_id
    return ConnectorSchema(id=asset_id, device_id=device_id, from_=one.from_us, until=one.until_us)
