"""`lautern user`: who signs in, with which roles."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from cli.remote import output
from cli.remote.api_client import ApiClient, quote_path
from cli.remote.local_api import Count, Here, Json, api_of
from cli.remote.responses import Unfit
from runtime import program_support

app = program_support.new_app("Let people in, give them roles, shut them out.")
Name = Annotated[str, typer.Argument(help="Sign-in name.")]
Role = Annotated[list[str], typer.Option("--role", help="Such as viewer, light_operator, admin; may be repeated.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="The town; may be left out where there is one only.")]
Limit = Annotated[
    list[str] | None, typer.Option("--limit", help="Only this, such as group/fauthweg, event/fest; may be repeated.")
]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="In all towns, instead of --tenant.")]
COLUMNS: Final = ("name", "called", "roles", "state", "last seen")


@app.command("add")
def add(
    name: Name,
    *,
    role: Role,
    tenant: Tenant = None,
    everywhere: Everywhere = False,
    limit: Limit = None,
    called: Annotated[str, typer.Option("--called", help="As others read it; default: the sign-in name.")] = "",
    email: Annotated[str | None, typer.Option("--email", help="For alarms and links.")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="'ISSUER SUBJECT' at an OpenID provider, instead of a password.")
    ] = None,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Let somebody in; prints the link that works once, to choose a password.

    \b
    Examples:
      lautern user add anna --role light_operator --tenant kaiserslautern --called 'Anna Weber'
      lautern user add karl --role event_organiser --limit event/altstadtfest
      lautern user add leader --role drone_leader --data-dir /srv/lautern
    """  # noqa: D301 - typer keeps the lines after it
    with api_of(data_dir) as api:
        roles = _held(api, role, tenant, limit, everywhere=everywhere)
        wanted: dict[str, Any] = {"id": name, "name": called or name, "roles": roles}
        wanted |= {k: v for k, v in {"email": email, "subject": subject}.items() if v is not None}
        made = api.post("/users", wanted)
    _tell_link(name, made["invitation"], made, as_json=as_json)


@app.command("link")
def link(name: Name, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Print a new link that works once; used, it ends the old password and all sessions.

    Example:  lautern user link anna
    """
    with api_of(data_dir) as api:
        made = api.post(f"/users/{quote_path(name)}/invitation")
    _tell_link(name, made, made, as_json=as_json)


@app.command("list")
def list_users(
    *,
    count: Count = 1000,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """List who has a role in the town.

    Example:  lautern user list --json
    """
    with api_of(data_dir) as api:
        found = api.items("/users", count)
    output.print_rows(found, COLUMNS, [_row(user) for user in found], as_json=as_json)


@app.command("roles")
def roles(
    name: Name,
    *,
    give: Annotated[list[str] | None, typer.Option("--give", help="A role to give; may be repeated.")] = None,
    take: Annotated[list[str] | None, typer.Option("--take", help="A role to take; may be repeated.")] = None,
    tenant: Tenant = None,
    everywhere: Everywhere = False,
    limit: Limit = None,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Show, give and take roles; a change signs the user out.

    \b
    Examples:
      lautern user roles anna
      lautern user roles anna --give event_manager --take viewer
    """  # noqa: D301
    path = f"/users/{quote_path(name)}"
    with api_of(data_dir) as api:
        user = api.get(path)
        if give or take:
            town = _town(api, tenant, everywhere=everywhere)
            gone = set(take or ()) | set(give or ())
            kept = [held for held in user["roles"] if held["role"] not in gone or held["tenant_id"] != town]
            given = [{"role": role, "tenant_id": town, "limits": limit or []} for role in give or ()]
            user = api.change(path, {"roles": [*kept, *given]})
    rows = [(held["role"], held["tenant_id"] or "all towns", held["limits"]) for held in user["roles"]]
    output.print_rows(user["roles"], ("role", "town", "only"), rows, as_json=as_json)


@app.command("disable")
def disable(name: Name, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Shut somebody out at once, with the keys he made; what he did stays on record.

    Example:  lautern user disable anna
    """
    _change(name, {"disabled": True}, f"{name} is shut out", data_dir, as_json=as_json)


@app.command("enable")
def enable(name: Name, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Let somebody in again.

    Example:  lautern user enable anna
    """
    _change(name, {"disabled": False}, f"{name} may sign in again", data_dir, as_json=as_json)


@app.command("reset-second-factor")
def reset_second_factor(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Forget apps, passkeys and recovery codes of somebody who lost them: he enrols anew when he signs in.

    \b
    Examples:
      lautern user reset-second-factor anna
      lautern user reset-second-factor admin --data-dir /srv/lautern
    """  # noqa: D301
    if not yes:
        typer.confirm(f"Forget what proves {name} beside the password?", abort=True)
    with api_of(data_dir) as api:
        api.call("DELETE", f"/users/{quote_path(name)}/second-factors")
    output.print_sentence(f"{name} has no second factor any more; all sessions ended", {"user": name}, as_json=as_json)


@app.command("export")
def export(name: Name, *, data_dir: Here = None) -> None:
    """Print all that names a person, as JSON: for himself to take with him.

    Example:  lautern user export anna > anna.json
    """
    with api_of(data_dir) as api:
        found = api.get(f"/users/{quote_path(name)}/export")
    output.print_sentence("", found, as_json=True)


@app.command("erase")
def erase(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Forget a person for good: the account goes, a pseudonym takes the name's place in commands, alarms and log.

    Example:  lautern user erase anna
    """
    if not yes:
        typer.confirm(f"Forget {name} for good?", abort=True)
    with api_of(data_dir) as api:
        done = api.post(f"/users/{quote_path(name)}/erase")
    changed = sum(done["records"].values())
    said = f"{name} is forgotten; {done['pseudonym']} stands in {changed} records{_ended(done)}"
    output.print_sentence(said, done, as_json=as_json)


def _change(name: str, change: Mapping[str, Any], said: str, data_dir: Here, *, as_json: bool) -> None:
    with api_of(data_dir) as api:
        user = api.change(f"/users/{quote_path(name)}", change)
    output.print_sentence(f"{said}{_ended(user)}", user, as_json=as_json)


def _ended(answer: Mapping[str, Any]) -> str:
    names = answer["keys_revoked"]
    return f"; keys that ended with that: {', '.join(names)}" if names else ""


def _held(
    api: ApiClient, roles: Sequence[str], tenant: str | None, limits: Sequence[str] | None, *, everywhere: bool
) -> list[dict[str, Any]]:
    town = _town(api, tenant, everywhere=everywhere)
    return [{"role": role, "tenant_id": town, "limits": list(limits or ())} for role in roles]


def _town(api: ApiClient, tenant: str | None, *, everywhere: bool) -> str | None:
    """The town meant; None: all. Raises Unfit when that is not clear."""
    if tenant is not None or everywhere:
        if tenant is not None and everywhere:
            raise Unfit("give --tenant or --everywhere")
        return tenant
    towns = [town["tenant_id"] for town in api.get("/tenants")["items"]]
    if len(towns) != 1:
        raise Unfit(f"--tenant: which town? One of {', '.join(towns)}; --everywhere for all")
    return str(towns[0])


def _tell_link(name: str, invitation: Mapping[str, Any], value: object, *, as_json: bool) -> None:
    text = f"{invitation['link']}\n\nThis link lets {name} choose a password, once, until {invitation['expires_at']}."
    output.print_sentence(text, value, as_json=as_json)


def _row(user: Mapping[str, Any]) -> Sequence[object]:
    held = [
        f"{h['role']}@{h['tenant_id'] or '*'}{':' if h['limits'] else ''}{','.join(h['limits'])}" for h in user["roles"]
    ]
    state = "disabled" if user["disabled_at"] else "ok" if user["has_password"] or user["subject"] else "no password"
    return user["id"], user["name"], held, state, user["last_seen_at"]


if __name__ == "__main__":
    program_support.run_program("user", app)
