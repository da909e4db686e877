"""`lautern me`: who am I, and where am I at work."""

from typing import Annotated

import typer

from cli.remote import output
from cli.remote.api_client import open_remote_api
from cli.remote.local_api import Json
from cli.remote.login import identity_lines
from runtime import program_support


def me(
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Go to work in this town.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Go to work in all towns.")] = False,
    as_json: Json = False,
) -> None:
    """Show who is signed in and what he may do, or go to work in another town.

    Example:  lautern me --tenant landau
    """
    with open_remote_api() as api:
        moved = tenant or everywhere
        found = api.call("PATCH", "/me", {"tenant_id": tenant}).value if moved else api.get("/me")
    output.print_rows(found, ("", ""), identity_lines(found), as_json=as_json)


if __name__ == "__main__":
    program_support.run_program("me", me)
