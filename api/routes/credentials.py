"""Logins of devices: shown once, rotated, revoked; what brokers refused."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, model_validator

from api import crew, seeing, tables
from api.access import Caller
from api.authentication import Who, needs
from api.crew import Handed
from api.fields import Body, IdInPath
from api.letting_in import ADMIN, Issuer
from api.paging import Items, PageWanted
from api.problems import responses
from api.services import Services, Use
from api.times import TimeOut
from devices.errors import Invalid
from devices.messages import Id
from devices.ports.credentials import Credential, Refusals, Refused, Way

MOST: Final = 5000
Admin = Annotated[Caller, needs(ADMIN)]
router = APIRouter(prefix="/devices", tags=["credentials"])
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "description": "The logins, this once.",
        "content": {"text/csv": {}, "text/html": {}, "application/zip": {}},
    }
}


class Login(BaseModel):
    """What a device needs to connect; `password` is shown this once."""

    id: str
    name: str
    user: str
    password: str
    client_id: str
    """What it must call itself; also allowed: its user name, alone or with `/…` behind it."""
    broker: str
    root: str
    """First levels of its topics."""


class Known(BaseModel):
    """A device's credential, without its secret."""

    user: str
    way: Way
    created_at: TimeOut
    issued_at: TimeOut
    issued_by: str
    expires_at: TimeOut | None
    revoked_at: TimeOut | None


class Wanted(Body):
    """For whom: some devices, or the members of a group."""

    devices: Annotated[list[Id], Field(max_length=MOST)] | None = None
    group: Id | None = None
    renew: bool = False
    """Also for those that have one, which then ends."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "Wanted":
        if (self.devices is None) == (self.group is None):
            raise ValueError("give either devices or group")
        return self


class Certificate(Body):
    """A device's certificate; its key stays in the device."""

    certificate: Annotated[str, Field(max_length=16_384, pattern="^[\x20-\x7e\r\n]+$")]
    """PEM."""


class Issued(BaseModel):
    """Logins just made."""

    items: list[Login]
    kept: list[str]
    """Devices that had one and keep it."""


class Form(StrEnum):
    """`sheet`: QR codes to print; `zip`: CSV file, sheet and the authority's certificate."""

    JSON = "json"
    CSV = "csv"
    SHEET = "sheet"
    ZIP = "zip"


class RefusedLogin(BaseModel):
    """What a broker refused a login."""

    user: str
    """As it was given: it may be nobody's."""
    reason: str
    """unknown_login, wrong_secret, client_id_of_others, over_quota, publish_denied, subscribe_denied,
    too_many_subscriptions, too_many_sessions."""
    detail: str
    """Of the last time: the client id or topic that was wanted."""
    address: str
    first_at: TimeOut
    last_at: TimeOut
    times: int


@router.post("/credentials", status_code=201, responses={**_FILES, **responses(409)}, response_model=Issued)
async def issue_many(
    who: Who, services: Use, body: Wanted, form: Annotated[Form, Query(alias="format")] = Form.JSON
) -> Any:  # noqa: ANN401 - the description says what comes
    """Issue logins for a whole import or group: all of them or, when one fails, none; needs `credentials:admin`.

    For restricted kinds `{kind}:credentials` is needed instead. The passwords are in the answer and nowhere else.
    """
    return await asyncio.to_thread(_issue_many, services, who, body, form)


@router.get("/credentials/refused")
def list_refused(who: Admin, services: Use, page: PageWanted) -> Items[RefusedLogin]:
    """List what brokers refused to logins, in order of user; needs `credentials:admin`."""
    kinds = None if who.tenant_id is None and seeing.every_kind(who, services.catalog) else who.kinds(services.catalog)
    with services.registry.read() as tx:
        found = tx.get(Refusals).find(page.limit, page.cursor, tenant_ids=who.tenants(), kinds=kinds)
    return Items[RefusedLogin](items=[_refused(r) for r in found.items], next_cursor=found.next_cursor)


@router.get("/{asset_id}/credentials")
def get_credentials(asset_id: IdInPath, who: Who, services: Use) -> Known:
    """Show the credential of the device now bound, without its secret; needs `credentials:admin`."""
    with services.registry.read() as tx:
        return _known(Issuer(tx, who, services.catalog, services.now_us()).shown(asset_id))


@router.post("/{asset_id}/credentials", status_code=201, responses=responses(409))
def issue_credentials(asset_id: IdInPath, who: Who, services: Use) -> Login:
    """Issue a login to a device that has none, and show its password this once; needs `credentials:admin`."""
    with services.registry.write() as tx:
        return _login(Issuer(tx, who, services.catalog, services.now_us()).first(asset_id), services)


@router.post("/{asset_id}/credentials/rotate", status_code=201, responses=responses(409))
def rotate_credentials(asset_id: IdInPath, who: Who, services: Use) -> Login:
    """Issue another password: the earlier one ends, and its connection within seconds; needs `credentials:admin`."""
    with services.registry.write() as tx:
        return _login(Issuer(tx, who, services.catalog, services.now_us()).rotated(asset_id), services)


@router.put("/{asset_id}/credentials/certificate", responses=responses(409))
def take_certificate(asset_id: IdInPath, who: Who, services: Use, body: Certificate) -> Known:
    """Take a certificate for the device's login, which ends an earlier one; needs `credentials:admin`.

    For a nats-server that asks for certificates: it checks who signed it, this says for whom it is good.
    """
    with services.registry.write() as tx:
        return _known(Issuer(tx, who, services.catalog, services.now_us()).certified(asset_id, body.certificate))


@router.delete("/{asset_id}/credentials", status_code=204)
def revoke_credentials(asset_id: IdInPath, who: Who, services: Use) -> None:
    """Revoke: its connection ends within seconds, and it comes in no more; needs `credentials:admin`."""
    with services.registry.write() as tx:
        Issuer(tx, who, services.catalog, services.now_us()).revoke(asset_id)


def _issue_many(services: Services, who: Caller, body: Wanted, form: Form) -> Any:  # noqa: ANN401
    with services.registry.write() as tx:
        issuer = Issuer(tx, who, services.catalog, services.now_us())
        ids = body.devices if body.devices is not None else list(issuer.members(body.group or ""))
        if form in {Form.SHEET, Form.ZIP} and len(ids) > crew.MOST_ON_SHEETS:
            raise Invalid(f"at most {crew.MOST_ON_SHEETS} with labels at a time", field="devices")
        handed, kept = issuer.many(ids, renew=body.renew)
    return _formed(handed, kept, services, form)


def _formed(handed: list[Handed], kept: list[str], services: Services, form: Form) -> Any:  # noqa: ANN401
    if form is Form.JSON:
        return Issued(items=[_login(one, services) for one in handed], kept=kept)
    content: bytes | str
    if form is Form.CSV:
        content, media, name = b"".join(tables.lines(crew.COLUMNS, crew.rows(handed, services.mqtt))), "text/csv", "csv"
    elif form is Form.SHEET:
        content, media, name = crew.sheet(handed, services.mqtt), "text/html", "html"
    else:
        content, media, name = crew.archive(handed, services.mqtt), "application/zip", "zip"
    return Response(content, 201, {"Content-Disposition": f'attachment; filename="logins.{name}"'}, media)


def _login(one: Handed, services: Services) -> Login:
    return Login(**crew.as_json([one], services.mqtt)[0])


def _known(credential: Credential) -> Known:
    return Known(
        user=credential.user,
        way=credential.way,
        created_at=credential.created_us,
        issued_at=credential.issued_us,
        issued_by=credential.issued_by,
        expires_at=credential.expires_us,
        revoked_at=credential.revoked_us,
    )


def _refused(refused: Refused) -> RefusedLogin:
    return RefusedLogin(
        user=refused.user,
        reason=refused.reason,
        detail=refused.detail,
        address=refused.address,
        first_at=refused.first_us,
        last_at=refused.last_us,
        times=refused.times,
    )
