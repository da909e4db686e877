"""Logins of devices: shown once, rotated, revoked; what brokers refused."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, model_validator

from api import csv_response, provisioning_sheet
from api.authentication import Who, requires_scope
from api.device_credentials import ADMIN, CredentialIssuer
from api.fields import IdInPath, RequestBody
from api.paging import ItemPage, PageWanted
from api.problems import problem_responses
from api.provisioning_sheet import HandedLogin
from api.services import Services, Use
from api.time_parameters import TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.ports.credentials import CredentialType, DeviceCredential, LoginRefusal, LoginRefusals
from devices.errors import Invalid, ValueRefused
from devices.messages import Id

MOST: Final = 5000
Admin = Annotated[Actor, requires_scope(ADMIN)]
router = APIRouter(prefix="/devices", tags=["credentials"])
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "description": "The logins, this once.",
        "content": {"text/csv": {}, "text/html": {}, "application/zip": {}},
    }
}


class DeviceLogin(BaseModel):
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


class CredentialSchema(BaseModel):
    """A device's credential, without its secret."""

    user: str
    way: CredentialType
    created_at: TimeOut
    issued_at: TimeOut
    issued_by: str
    expires_at: TimeOut | None
    revoked_at: TimeOut | None


class CredentialRequest(RequestBody):
    """For whom: some devices, or the members of a group."""

    devices: Annotated[list[Id], Field(max_length=MOST)] | None = None
    group: Id | None = None
    renew: bool = False
    """Also for those that have one, which then ends."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "CredentialRequest":
        if (self.devices is None) == (self.group is None):
            raise ValueRefused("devices_or_group")
        return self


class CertificateRequest(RequestBody):
    """A device's certificate; its key stays in the device."""

    certificate: Annotated[str, Field(max_length=16_384, pattern="^[\x20-\x7e\r\n]+$")]
    """PEM."""


class IssuedLogins(BaseModel):
    """Logins just made."""

    items: list[DeviceLogin]
    kept: list[str]
    """Devices that had one and keep it."""


class LoginFormat(StrEnum):
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


@router.post(
    "/credentials", status_code=201, responses={**_FILES, **problem_responses(409)}, response_model=IssuedLogins
)
async def issue_many(
    who: Who,
    services: Use,
    body: CredentialRequest,
    form: Annotated[LoginFormat, Query(alias="format")] = LoginFormat.JSON,
) -> Any:  # noqa: ANN401 - the description says what comes
    """Issue logins for a whole import or group: all of them or, when one fails, none; needs `credentials:admin`.

    For restricted kinds `{kind}:credentials` is needed instead. The passwords are in the answer and nowhere else.
    """
    return await asyncio.to_thread(_issue_many, services, who, body, form)


@router.get("/credentials/refused")
def list_refused(who: Admin, services: Use, page: PageWanted) -> ItemPage[RefusedLogin]:
    """List what brokers refused to logins, in order of user; needs `credentials:admin`."""
    kinds = (
        None
        if who.tenant_id is None and authorization.every_kind(who, services.catalog)
        else who.kinds(services.catalog)
    )
    with services.registry.read() as tx:
        found = tx.get(LoginRefusals).find(page.limit, page.cursor, tenant_ids=who.tenants(), kinds=kinds)
    return ItemPage[RefusedLogin](items=[_refused(r) for r in found.items], next_cursor=found.next_cursor)


@router.get("/{asset_id}/credentials", responses=problem_responses(409))
def get_credentials(asset_id: IdInPath, who: Who, services: Use) -> CredentialSchema:
    """Show the credential of the device now bound, without its secret; needs `credentials:admin`."""
    with services.registry.read() as tx:
        return _known(CredentialIssuer(tx, who, services.catalog, services.now_us()).shown(asset_id))


@router.post("/{asset_id}/credentials", status_code=201, responses=problem_responses(409))
def issue_credentials(asset_id: IdInPath, who: Who, services: Use) -> DeviceLogin:
    """Issue a login to a device that has none, and show its password this once; needs `credentials:admin`."""
    with services.registry.write() as tx:
        return _login(CredentialIssuer(tx, who, services.catalog, services.now_us()).first(asset_id), services)


@router.post("/{asset_id}/credentials/rotate", status_code=201, responses=problem_responses(409))
def rotate_credentials(asset_id: IdInPath, who: Who, services: Use) -> DeviceLogin:
    """Issue another password: the earlier one ends, and its connection within seconds; needs `credentials:admin`."""
    with services.registry.write() as tx:
        return _login(CredentialIssuer(tx, who, services.catalog, services.now_us()).rotated(asset_id), services)


@router.put("/{asset_id}/credentials/certificate", responses=problem_responses(409))
def take_certificate(asset_id: IdInPath, who: Who, services: Use, body: CertificateRequest) -> CredentialSchema:
    """Take a certificate for the device's login, which ends an earlier one; needs `credentials:admin`.

    For a nats-server that asks for certificates: it checks who signed it, this says for whom it is good.
    """
    with services.registry.write() as tx:
        return _known(
            CredentialIssuer(tx, who, services.catalog, services.now_us()).certified(asset_id, body.certificate)
        )


@router.delete("/{asset_id}/credentials", status_code=204, responses=problem_responses(409))
def revoke_credentials(asset_id: IdInPath, who: Who, services: Use) -> None:
    """Revoke: its connection ends within seconds, and it comes in no more; needs `credentials:admin`."""
    with services.registry.write() as tx:
        CredentialIssuer(tx, who, services.catalog, services.now_us()).revoke(asset_id)


def _issue_many(services: Services, who: Actor, body: CredentialRequest, form: LoginFormat) -> Any:  # noqa: ANN401
    with services.registry.write() as tx:
        issuer = CredentialIssuer(tx, who, services.catalog, services.now_us())
        ids = body.devices if body.devices is not None else list(issuer.members(body.group or ""))
        if form in {LoginFormat.SHEET, LoginFormat.ZIP} and len(ids) > provisioning_sheet.MOST_ON_SHEETS:
            raise Invalid("too_many_labels", most=provisioning_sheet.MOST_ON_SHEETS, field="devices")
        handed, kept = issuer.many(ids, renew=body.renew)
    return _formed(handed, kept, services, form)


def _formed(handed: list[HandedLogin], kept: list[str], services: Services, form: LoginFormat) -> Any:  # noqa: ANN401
    if form is LoginFormat.JSON:
        return IssuedLogins(items=[_login(one, services) for one in handed], kept=kept)
    content: bytes | str
    if form is LoginFormat.CSV:
        content, media, name = (
            b"".join(
                csv_response.csv_chunks(
                    provisioning_sheet.COLUMNS, provisioning_sheet.login_rows(handed, services.mqtt)
                )
            ),
            "text/csv",
            "csv",
        )
    elif form is LoginFormat.SHEET:
        content, media, name = provisioning_sheet.login_sheet(handed, services.mqtt), "text/html", "html"
    else:
        content, media, name = provisioning_sheet.login_archive(handed, services.mqtt), "application/zip", "zip"
    return Response(content, 201, {"Content-Disposition": f'attachment; filename="logins.{name}"'}, media)


def _login(one: HandedLogin, services: Services) -> DeviceLogin:
    return DeviceLogin(**provisioning_sheet.as_json([one], services.mqtt)[0])


def _known(credential: DeviceCredential) -> CredentialSchema:
    return CredentialSchema(
        user=credential.user,
        way=credential.way,
        created_at=credential.created_us,
        issued_at=credential.issued_us,
        issued_by=credential.issued_by,
        expires_at=credential.expires_us,
        revoked_at=credential.revoked_us,
    )


def _refused(refused: LoginRefusal) -> RefusedLogin:
    return RefusedLogin(
        user=refused.user,
        reason=refused.reason,
        detail=refused.detail,
        address=refused.address,
        first_at=refused.first_us,
        last_at=refused.last_us,
        times=refused.times,
    )
