"""Lending a device to another town for a time: what it measures then is the borrower's."""

import uuid
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api import seeing
from api.access import Caller
from api.authentication import Who, needs
from api.fields import Body, Comment, IdInPath
from api.paging import Items
from api.preconditions import Expected, agree, etag
from api.problems import responses
from api.recording import of, record
from api.services import Use
from api.times import TimeIn, TimeOut
from devices.errors import Conflict, Invalid, NotFound
from devices.messages import Id
from devices.ports import loans
from devices.ports.books import Change, Changes
from devices.ports.inventory import Asset
from devices.ports.loans import Loans
from devices.ports.registry import Transaction
from devices.towns import must_be_served

Lender = Annotated[Caller, needs("devices:lend")]
router = APIRouter(prefix="/devices", tags=["devices"])


class Loan(BaseModel):
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


class LoanWanted(Body):
    """To whom and until when; from now on when `from` is absent."""

    tenant_id: Id
    from_: TimeIn | None = Field(None, alias="from")
    until: TimeIn
    note: Comment = ""


class LoanChange(Body):
    """What may change; absent stays."""

    until: TimeIn | None = None
    note: Comment | None = None


@router.get("/{asset_id}/loans", responses=responses(404))
def list_loans(asset_id: IdInPath, who: Who, services: Use) -> Items[Loan]:
    """List the loans of a device, oldest first; a borrower sees his own."""
    with services.registry.read() as tx:
        asset = seeing.known(tx, who, asset_id)
        found = tx.get(Loans).of_assets([asset_id]).get(asset_id, ())
    mine = [loan for loan in found if who.is_at_home(asset.tenant_id) or who.is_at_home(loan.tenant_id)]
    return Items[Loan](items=[_show(loan, services.now_us()) for loan in mine])


@router.post("/{asset_id}/loans", status_code=201, responses=responses(404, 409))
def lend_device(asset_id: IdInPath, who: Lender, services: Use, body: LoanWanted, response: Response) -> Loan:
    """Lend a device; needs `devices:lend`. 409 when it is lent in that time, or is of a kind that is never lent."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset = seeing.asset(tx, who, asset_id)
        if not services.catalog[asset.kind].lendable or asset.retired_us is not None:
            raise Conflict(f"a {services.catalog[asset.kind].title.lower()} is not lent")
        begin_us = now_us if body.from_ is None else body.from_
        if begin_us < now_us:
            raise Invalid("lies in the past: what was measured is yours", field="from")
        if body.until <= begin_us:
            raise Invalid("must be after `from`", field="until")
        must_be_served(tx, body.tenant_id)
        if body.tenant_id == asset.tenant_id:
            raise Invalid("is the town it belongs to", field="tenant_id")
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
        tx.get(Loans).add(wanted)
        return _told(tx, who, response, asset, wanted, "device.lend", now_us)


@router.patch("/{asset_id}/loans/{loan_id}", responses=responses(404, 409, 412, 428))
def change_loan(  # noqa: PLR0917
    asset_id: IdInPath,
    loan_id: IdInPath,
    who: Lender,
    services: Use,
    seen: Expected,
    body: LoanChange,
    response: Response,
) -> Loan:
    """End a loan earlier or later, or change its note; needs `devices:lend`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset, loan = _find(tx, who, asset_id, loan_id)
        agree(seen, loan.version)
        if body.until is not None and body.until != loan.until_us:
            _must_not_be_over(loan, now_us)
            if body.until < max(now_us, loan.from_us + 1):
                raise Invalid("must be after its begin, and not in the past", field="until")
        until_us = loan.until_us if body.until is None else body.until
        note = loan.note if body.note is None else body.note
        changed = tx.get(Loans).change(replace(loan, until_us=until_us, note=note))
        return _told(tx, who, response, asset, changed, "device.lend", now_us)


@router.delete("/{asset_id}/loans/{loan_id}", status_code=204, responses=responses(404, 409))
def end_loan(asset_id: IdInPath, loan_id: IdInPath, who: Lender, services: Use, response: Response) -> None:
    """End a loan now, or call off one that has not begun; needs `devices:lend`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset, loan = _find(tx, who, asset_id, loan_id)
        _must_not_be_over(loan, now_us)
        if now_us <= loan.from_us:
            tx.get(Loans).remove(loan_id)
        else:
            loan = tx.get(Loans).change(replace(loan, until_us=now_us))
        _told(tx, who, response, asset, loan, "device.take_back", now_us)


def _find(tx: Transaction, who: Caller, asset_id: str, loan_id: str) -> tuple[Asset, loans.Loan]:
    asset = seeing.asset(tx, who, asset_id)
    loan = tx.get(Loans).get(loan_id)
    if loan.asset_id != asset_id:
        raise NotFound
    return asset, loan


def _must_not_be_over(loan: loans.Loan, now_us: int) -> None:
    if loan.until_us <= now_us:
        raise Conflict("the loan is over: what was measured then is the borrower's")


def _told(  # noqa: PLR0917
    tx: Transaction, who: Caller, response: Response, asset: Asset, loan: loans.Loan, action: str, now_us: int
) -> Loan:
    shown = _show(loan, now_us)
    said = shown.model_dump(mode="json", by_alias=True, include={"tenant_id", "from_", "until", "note"})
    record(tx, who, action, of(asset.kind, asset.asset_id), detail=said, tenant_id=asset.tenant_id)
    data = {"asset_id": asset.asset_id, "loan_id": loan.loan_id, "owner_id": loan.owner_id, **said}
    towns = (loan.owner_id, loan.tenant_id)
    tx.get(Changes).add([Change(0, now_us, town, asset.kind, "loan", data) for town in towns])
    response.headers["ETag"] = etag(loan.version)
    return shown


def _show(loan: loans.Loan, now_us: int) -> Loan:
    return Loan(
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
