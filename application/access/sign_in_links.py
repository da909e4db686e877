"""Links that sign a user in once; the first user of an installation comes in by one."""

import secrets
from contextlib import suppress
from typing import Final

from application.access.actor import Actor
from application.access.api_keys import secret_digest
from application.access.roles import ADMIN, RoleGrant
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.users import OneTimeLink, SessionRepository, User, UserRepository
from devices.errors import Conflict
from devices.time_us import DAY_US

LINK_US: Final = 7 * DAY_US
FIRST_USER: Final = "admin"


def new_link(tx: RegistryTransaction, user_id: str, now_us: int, *, sets_password: bool = True) -> str:
    """Make a link that signs a user in once, within a week; returns its secret."""
    secret = secrets.token_urlsafe(32)
    link = OneTimeLink(secret_digest(secret), user_id, now_us, now_us + LINK_US, sets_password)
    tx.get(SessionRepository).put_link(link)
    return secret


def invite_first_user(tx: RegistryTransaction, actor: Actor, now_us: int) -> str | None:
    """Secret of a new link by which the first user chooses a password; None once anybody can sign in."""
    users = tx.get(UserRepository)
    if users.anybody_enters():
        return None
    with suppress(Conflict):
        users.add(User(FIRST_USER, "Administrator", now_us, (RoleGrant(ADMIN),)))
    secret = new_link(tx, FIRST_USER, now_us)
    record_action(tx, actor, "user.invite", object_name("user", FIRST_USER))
    return secret
