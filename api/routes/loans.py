"""Lending a device to another town for a time: what it measures then is the borrower's."""

import uuid
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.authentication import Who, requires_scope
from api.fields import Comment, IdInPath, RequestBody
from api.paging import ItemPage
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from api.time_parameters import TimeIn, TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.ports import loans
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import Asset
from application.ports.loans import LoanRepository
from application.ports.registry import RegistryTransaction
from application.tenants import must_be_served
from application.versions import check_version
from devices.errors import Conflict, Invalid, NotFound
from devices.messages import Id

Lender = Annotated[Actor, requires_scope("devices:lend")]
router = APIRouter(prefix="/devices", tags=["devices"])


class LoanSchema(BaseModel):
    """A device that is another town's from–until; what it measures in that time stays that town's."""

    id: str
    device_id: str
    owner_id: str
    tenant_id: str
    from_: TimeOut = Field(serialization_alias="from")
    until: TimeOut
    state: Literal["planned", "running", "over"]
    note: str
    created_at: TimeOut
    created_by: str
    version: int


class LoanWanted(RequestBody):
    """To whom and until when; from now on when `from` is absent."""

    tenant_id: Id
    from_: TimeIn | None = Field(None, alias="from")
    until: TimeIn
    note: Comment = ""


class LoanChange(RequestBody):
    """What may change; absent stays."""

    until: TimeIn | None = None
    note: Comment | None = None


@router.get("/{asset_id}/loans", responses=problem_responses(404))
def list_loans(asset_id: IdInPath, who: Who, services: Use) -> ItemPage[LoanSchema]:
    """List the loans of a device, oldest first; a borrower sees his own."""
    with services.registry.read() as tx:
        asset = authorization.visible_asset(tx, who, asset_id)
        found = tx.get(LoanRepository).of_assets([asset_id]).get(asset_id, ())
    mine = [loan for loan in found if who.is_at_home(asset.tenant_id) or who.is_at_home(loan.tenant_id)]
    return ItemPage[LoanSchema](items=[_show(loan, services.now_us()) for loan in mine])


@router.post("/{asset_id}/loans", status_code=201, responses=problem_responses(404, 409))
def lend_device(asset_id: IdInPath, who: Lender, services: Use, body: LoanWanted, response: Response) -> LoanSchema:
    """Lend a device; needs `devices:lend`. 409 when it is lent in that time, or is of a kind that is never lent."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset = authorization.own_asset(tx, who, asset_id)
        if not services.catalog[asset.kind].lendable or asset.retired_us is not None:
            raise Conflict("kind_is_not_lent", kind=services.catalog[asset.kind].title.lower())
        begin_us = now_us if body.from_ is None else body.from_
        if begin_us < now_us:
            raise Invalid("loan_in_the_past", field="from")
        if body.until <= begin_us:
            raise Invalid("until_before_from", field="until")
        must_be_served(tx, body.tenant_id)
        if body.tenant_id == asset.tenant_id:
            raise Invalid("its_own_town", field="tenant_id")
        wanted = loans.Loan(
            uuid.uuid4().hex,
            asset_id,
            asset.tenant_id,
            body.tenant_id,
            begin_us,
            body.until,
            body.note,
            now_us,
            who.name,
        )
        tx.get(LoanRepository).add(wanted)
        return _told(tx, who, response, asset, wanted, "device.lend", now_us)


@router.patch("/{asset_id}/loans/{loan_id}", responses=problem_responses(404, 409, 412, 428))
def change_loan(  # noqa: PLR0917
    asset_id: IdInPath,
    loan_id: IdInPath,
    who: Lender,
    services: Use,
    seen: Expected,
    body: LoanChange,
    response: Response,
) -> LoanSchema:
    """End a loan earlier or later, or change its note; needs `devices:lend`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset, loan = _find(tx, who, asset_id, loan_id)
        check_version(seen, loan.version)
        if body.until is not None and body.until != loan.until_us:
            _must_not_be_over(loan, now_us)
            if body.until < max(now_us, loan.from_us + 1):
                raise Invalid("loan_end_out_of_order", field="until")
        until_us = loan.until_us if body.until is None else body.until
        note = loan.note if body.note is None else body.note
        changed = tx.get(LoanRepository).change(replace(loan, until_us=until_us, note=note))
        return _told(tx, who, response, asset, changed, "device.lend", now_us)


@router.delete("/{asset_id}/loans/{loan_id}", status_code=204, responses=problem_responses(404, 409))
def end_loan(asset_id: IdInPath, loan_id: IdInPath, who: Lender, services: Use, response: Response) -> None:
    """End a loan now, or call off one that has not begun; needs `devices:lend`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset, loan = _find(tx, who, asset_id, loan_id)
        _must_not_be_over(loan, now_us)
        if now_us <= loan.from_us:
            tx.get(LoanRepository).remove(loan_id)
        else:
            loan = tx.get(LoanRepository).change(replace(loan, until_us=now_us))
        _told(tx, who, response, asset, loan, "device.take_back", now_us)


def _find(tx: RegistryTransaction, who: Actor, asset_id: str, loan_id: str) -> tuple[Asset, loans.Loan]:
    asset = authorization.own_asset(tx, who, asset_id)
    loan = tx.get(LoanRepository).get(loan_id)
    if loan.asset_id != asset_id:
        raise NotFound
    return asset, loan


def _must_not_be_over(loan: loans.Loan, now_us: int) -> None:
    if loan.until_us <= now_us:
        raise Conflict("loan_is_over")


def _told(  # noqa: PLR0917
    tx: RegistryTransaction,
    who: Actor,
    response: Response,
    asset: Asset,
    loan: loans.Loan,
    action: str,
    now_us: int,
) -> LoanSchema:
    shown = _show(loan, now_us)
    said = shown.model_dump(mode="json", by_alias=True, include={"tenant_id", "from_", "until", "note"})
    record_action(tx, who, action, object_name(asset.kind, asset.asset_id), detail=said, tenant_id=asset.tenant_id)
    data = {"asset_id": asset.asset_id, "loan_id": loan.loan_id, "owner_id": loan.owner_id, **said}
    towns = (loan.owner_id, loan.tenant_id)
    tx.get(ChangeFeed).add([Change(0, now_us, town, asset.kind, "loan", data) for town in towns])
    response.headers["ETag"] = etag(loan.version)
    return shown


def _show(loan: loans.Loan, now_us: int) -> LoanSchema:
    return LoanSchema(
        id=loan.loan_id,
        device_id=loan.asset_id,
        owner_id=loan.owner_id,
        tenant_id=loan.tenant_id,
        from_=loan.from_us,
        until=loan.until_us,
        state="over" if loan.until_us <= now_us else "running" if loan.from_us <= now_us else "planned",
        note=loan.note,
        created_at=loan.created_us,
        created_by=loan.created_by,
        version=loan.version,
    )
