"""The browsers I am signed in with."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.authentication import Who
from api.paging import ItemPage
from api.services import Use
from api.time_parameters import TimeOut
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.ports.users import SessionRepository
from devices.errors import Forbidden

router = APIRouter(tags=["access"])


class SessionShown(BaseModel):
    """A browser that is signed in; `current`: the one that asks."""

    created_at: TimeOut
    last_used_at: TimeOut
    expires_at: TimeOut
    tenant_id: str | None
    address: str
    agent: str
    current: bool


def _user(who: Who) -> Actor:
    if who.session is None:
        raise Forbidden("key_has_no_sessions")
    return who


User = Annotated[Actor, Depends(_user)]


@router.get("/me/sessions")
def list_my_sessions(who: User, services: Use) -> ItemPage[SessionShown]:
    """List the browsers I am signed in with, newest first."""
    now_us = services.now_us()
    with services.registry.read() as tx:
        found = tx.get(SessionRepository).of_user(who.user_id or "")
    items = [
        SessionShown(
            created_at=s.created_us,
            last_used_at=s.last_used_us,
            expires_at=s.expires_us,
            tenant_id=s.tenant_id,
            address=s.address,
            agent=s.agent,
            current=s.secret_sha256 == who.session,
        )
        for s in found
        if services.lifetime.covers(s, now_us)
    ]
    return ItemPage[SessionShown](items=items)


@router.delete("/me/sessions", status_code=204)
def end_my_other_sessions(who: User, services: Use) -> None:
    """Sign out everywhere but here; links that were sent to me and not used stop working."""
    user_id = who.user_id or ""
    with services.registry.write() as tx:
        tx.get(SessionRepository).end_of_user(user_id, but=who.session)
        record_action(tx, who, "me.sessions_end", object_name("user", user_id))
