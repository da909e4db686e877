"""The first town and the first user of an installation; run by `lautern up`, says how to get in while nobody can."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from application.access.sign_in_links import FIRST_USER, invite_first_user
from application.ports.users import UserRepository
from application.tenants import take_in_first_tenant
from devices.kind_catalog import discover_kinds
from runtime import program_support, settings
from runtime.audit_setup import now_us, operator
from runtime.installation import sign_in_link
from runtime.registry_access import registry_of


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
        secret = invite_first_user(tx, actor, now_us()) if people else None
    if secret is None:
        typer.echo(f"nobody can sign in yet: `lautern init --data-dir {chosen.data_dir}` prints a link for that")
    else:
        link = sign_in_link(address, secret)
        typer.echo(f"Nobody can sign in yet. This link lets {FIRST_USER} choose a password, once:\n\n    {link}\n")


if __name__ == "__main__":
    program_support.run_program("up", main)
