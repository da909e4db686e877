"""`lautern me`: who am I, and where am I at work."""

from typing import Annotated

import typer

from runtime import saying
from runtime.client import showing
from runtime.client.door import remote
from runtime.client.here import Json
from runtime.client.login import told


def me(
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Go to work in this town.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Go to work in all towns.")] = False,
    as_json: Json = False,
) -> None:
    """Show who is signed in and what he may do, or go to work in another town.

    Example:  lautern me --tenant landau
    """
    with remote() as api:
        moved = tenant or everywhere
        found = api.call("PATCH", "/me", {"tenant_id": tenant}).value if moved else api.get("/me")
    showing.show(found, ("", ""), told(found), as_json=as_json)


if __name__ == "__main__":
    saying.run("me", me)
