"""`lautern key`: keys for programs."""

import time
from typing import Annotated, Any, Final

import typer

from cli.remote import output
from cli.remote.api_client import quote_path
from cli.remote.local_api import Here, Json, api_of
from devices.time_us import DAY_US, rfc3339
from runtime import program_support

app = program_support.new_app("Make, list and revoke API keys.")
COLUMNS: Final = ("key", "prefix", "name", "town", "scopes", "made by", "expires", "last used", "revoked")
NAMES: Final = ("id", "prefix", "name", "tenant_id", "scopes", "created_by", "expires_at", "last_used_at", "revoked_at")


@app.command("list")
def list_keys(
    *,
    every: Annotated[bool, typer.Option("--all", help="Revoked ones too.")] = False,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """List keys, without their secrets.

    Example:  lautern key list --all
    """
    with api_of(data_dir) as api:
        found = api.get("/api-keys", revoked=every)["items"]
    output.print_rows(found, COLUMNS, [[key[name] for name in NAMES] for key in found], as_json=as_json)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who holds it; commands are signed with it.")],
    *,
    scope: Annotated[list[str], typer.Option("--scope", help="What it may do; may be repeated.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only this town's; default: all that are yours.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help="Ends after so many days.", min=1, max=36_500)] = None,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Make a key and show it this once; it may do only what you may.

    \b
    Examples:
      lautern key create dashboard --scope streetlight:read --days 365
      lautern key create brigade --scope 'fire_drone:*' --tenant kaiserslautern --data-dir /srv/lautern
    """  # noqa: D301 - typer keeps the lines after it
    wanted: dict[str, Any] = {"name": name, "scopes": scope}
    if tenant is not None:
        wanted["tenant_id"] = tenant
    if days is not None:
        wanted["expires_at"] = rfc3339(time.time_ns() // 1000 + days * DAY_US)
    with api_of(data_dir) as api:
        made = api.post("/api-keys", wanted)
    output.print_sentence(made["key"], made, as_json=as_json)


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="As `lautern key list` shows it, or its name.")],
    *,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Revoke a key; it fails from its next use on.

    Example:  lautern key revoke dashboard
    """
    with api_of(data_dir) as api:
        valid = api.get("/api-keys")["items"]
        key_id = next((k["id"] for k in valid if k["name"] == key), key)
        api.call("DELETE", f"/api-keys/{quote_path(key_id)}")
    output.print_sentence(f"{key} is revoked", {"id": key_id}, as_json=as_json)


if __name__ == "__main__":
    program_support.run_program("key", app)
