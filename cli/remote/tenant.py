"""`lautern tenant`: takes in, lists and renames towns."""

from typing import Annotated, Final

import typer

from cli.remote import output
from cli.remote.api_client import quote_path
from cli.remote.local_api import Here, Json, api_of
from runtime import program_support

app = program_support.new_app("Take in, list and rename towns.")
Town = Annotated[str, typer.Argument(help="Its id, as it stands in topics, such as kaiserslautern.")]
TownName = Annotated[str, typer.Argument(help="As people read it, such as 'Stadt Kaiserslautern'.")]
COLUMNS: Final = ("town", "name", "devices", "since")
NAMES: Final = ("tenant_id", "name", "devices", "created_at")


@app.command("add")
def add(town: Town, name: TownName, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Take in a town; devices, groups, events, keys and people may belong to it from now on.

    Example:  lautern tenant add speyer 'Stadt Speyer' --data-dir /srv/lautern
    """
    with api_of(data_dir) as api:
        made = api.post("/tenants", {"tenant_id": town, "name": name})
    output.print_sentence(f"{town} is taken in", made, as_json=as_json)


@app.command("list")
def list_tenants(*, as_json: Json = False, data_dir: Here = None) -> None:
    """List the towns that you are at work in.

    Example:  lautern tenant list
    """
    with api_of(data_dir) as api:
        found = api.get("/tenants")["items"]
    output.print_rows(found, COLUMNS, [[town[name] for name in NAMES] for town in found], as_json=as_json)


@app.command("rename")
def rename(town: Town, name: TownName, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Change the name that people read; the id stays.

    Example:  lautern tenant rename speyer 'Domstadt Speyer'
    """
    with api_of(data_dir) as api:
        changed = api.change(f"/tenants/{quote_path(town)}", {"name": name})
    output.print_sentence(f"{town} is called {changed['name']}", changed, as_json=as_json)


if __name__ == "__main__":
    program_support.run_program("tenant", app)
