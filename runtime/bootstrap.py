"""The first town and the first user of an installation; run by `lautern up`, says how to get in while nobody can."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from api.sessions import new_link
from application.access.actor import Actor
from application.access.roles import ADMIN, RoleGrant
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.users import User, UserRepository
from application.tenants import take_in_first_tenant
from devices.catalog import discover_kinds
from devices.errors import Conflict
from runtime import program_support, settings
from runtime.audit_setup import now_us, operator
from runtime.installation import sign_in_link
from runtime.registry_access import registry_of

FIRST_USER: Final = "admin"


def main(
    data_dir: Annotated[Path, program_support.DATA_DIR],
    address: Annotated[str, typer.Option("--address", help="Of the API.")],
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Take in the first town; while nobody can sign in yet, say how: a link on a terminal, and never in a log."""
    chosen = settings.load_settings(data_dir, config)
    with registry_of(chosen, recording=True) as registry, registry.write() as tx:
        actor = operator(discover_kinds())
        take_in_first_tenant(tx, actor, chosen.default_tenant, now_us())
        people = sys.stdout.isatty()
        if tx.get(UserRepository).anybody_enters():
            return
        link = first_link(tx, actor, address) if people else None
    if link is None:
        typer.echo(f"nobody can sign in yet: `lautern init --data-dir {chosen.data_dir}` prints a link for that")
    else:
        typer.echo(f"Nobody can sign in yet. This link lets {FIRST_USER} choose a password, once:\n\n    {link}\n")


def first_link(tx: RegistryTransaction, actor: Actor, address: str) -> str | None:
    """A link by which the first user chooses a password, made anew each time; None once anybody can sign in."""
    users = tx.get(UserRepository)
    if users.anybody_enters():
        return None
    with suppress(Conflict):
        users.add(User(FIRST_USER, "Administrator", now_us(), (RoleGrant(ADMIN),)))
    record_action(tx, actor, "user.invite", object_name("user", FIRST_USER))
    return sign_in_link(address, new_link(tx, FIRST_USER, now_us()))


if __name__ == "__main__":
    program_support.run_program("up", main)
