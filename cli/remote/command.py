"""`lautern command`: switch things, and see what became of it."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli.remote import output
from cli.remote.api_client import ApiClient, quote_path
from cli.remote.durations import parse_duration_s
from cli.remote.local_api import Count, Here, Json, api_of
from cli.remote.responses import Refused, Unfit
from runtime import exit_codes, program_support

GROUP: Final = "group/"
LONGEST_WAIT_S: Final = 30
"""What the API waits within one request."""
APPLIED: Final = "applied"
COLUMNS: Final = ("command", "device", "what", "delivery", "effect", "answer", "issued", "by")


class NamedByKinds(TyperGroup):
    """A word that is no verb of ours is the name of a command of some kind."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer does not export the types
        """Take `dim L01` for `send dim L01`."""
        known = args and (args[0] in self.commands or args[0].startswith("-"))
        return super().resolve_command(ctx, args if known or not args else ["send", *args])


app = program_support.new_app(
    "Send commands, list and cancel them. `lautern command NAME DEVICE` is short for `… send NAME DEVICE`.",
    cls=NamedByKinds,
)


@app.command("send")
def send(
    name: Annotated[str, typer.Argument(help="Such as dim; its kind says which there are.")],
    target: Annotated[str, typer.Argument(help="Id of a device, or group/ID.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="FIELD=VALUE, such as level_pct=80.")] = None,
    *,
    lasting: Annotated[str | None, typer.Option("--for", help="How long its effect lasts, such as 5m.")] = None,
    within: Annotated[str | None, typer.Option("--within", help="Give up after this time, such as 30s.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the command.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until each device has answered.")] = False,
    timeout: Annotated[str, typer.Option("--timeout", help="Wait at most so long.")] = "60s",
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Send a command; with --wait the exit code is 6 unless every device has applied it.

    \b
    Examples:
      lautern command dim L01 level_pct=80 --for 5m --wait
      lautern command dim group/fauthweg level_pct=100 --for 1h --reason accident --wait
      lautern command resume L01
    """  # noqa: D301 - typer keeps the lines after it
    order: dict[str, Any] = {"name": name, "arguments": _arguments(arguments or ()), "reason": reason}
    if lasting is not None:
        order["duration_s"] = parse_duration_s(lasting, "--for")
    if within is not None:
        order["deliver_within_s"] = parse_duration_s(within, "--within")
    group = target.removeprefix(GROUP) if target.startswith(GROUP) else None
    to = f"/devices/{quote_path(target)}" if group is None else f"/groups/{quote_path(group)}"
    until = time.monotonic() + (parse_duration_s(timeout, "--timeout") if wait else 0)
    with api_of(data_dir) as api:
        asked = {"wait": APPLIED, "timeout": min(LONGEST_WAIT_S, until - time.monotonic())} if wait else {}
        found = api.post(f"{to}/commands", order, **asked)
        path = f"{'/commands' if group is None else '/group-commands'}/{quote_path(found['id'])}"
        found = _settled(api, path, found, until)
    _show(found, as_json=as_json)
    if wait and any(command["delivery"] != APPLIED for command in _each(found)):
        raise typer.Exit(exit_codes.NOT_APPLIED)


@app.command("list")
def list_commands(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="Such as streetlight.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="To this device.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="To this group.")] = None,
    delivery: Annotated[str | None, typer.Option("--delivery", help="Such as queued, applied, unknown.")] = None,
    count: Count = 30,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """List commands, newest first.

    \b
    Examples:
      lautern command list --device L01
      lautern command list --delivery unknown --json
    """  # noqa: D301
    with api_of(data_dir) as api:
        found = api.items("/commands", count, kind=kind, device=device, group=group, delivery=delivery)
    output.print_rows(found, COLUMNS, [_row(command) for command in found], as_json=as_json)


@app.command("show")
def show(
    command: Annotated[str, typer.Argument(help="As `lautern command list` shows it.")],
    *,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Show how far a command got, to one device or to a group.

    Example:  lautern command show 0b1c…
    """
    with api_of(data_dir) as api:
        found = _either(api, "GET", command, "")
    _show(found, as_json=as_json)


@app.command("cancel")
def cancel(
    command: Annotated[str, typer.Argument(help="As `lautern command list` shows it.")],
    *,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Ask that a command be cancelled: not delivered any more, or its effect ended.

    Example:  lautern command cancel 0b1c…
    """
    with api_of(data_dir) as api:
        found = _either(api, "POST", command, "/cancel")
    _show(found, as_json=as_json)


def _either(api: ApiClient, method: str, command_id: str, verb: str) -> Any:  # noqa: ANN401
    """What a command to one device, or else one to a group, answers."""
    try:
        return api.call(method, f"/commands/{quote_path(command_id)}{verb}").value
    except Refused as refused:
        try:
            return api.call(method, f"/group-commands/{quote_path(command_id)}{verb}").value
        except Refused:
            raise refused from None


def _arguments(pairs: Sequence[str]) -> dict[str, Any]:
    """Values are JSON where they can be, else text. Raises Unfit."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Unfit(f"{pair!r}: arguments are given as FIELD=VALUE, such as level_pct=80")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _settled(api: ApiClient, path: str, found: Mapping[str, Any], until: float) -> Mapping[str, Any]:
    while not found["final"] and time.monotonic() < until:
        time.sleep(min(0.5, max(0.0, until - time.monotonic())))
        found = api.get(path)
    return found


def _each(found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The commands of a command to a group, or the one there is."""
    several: Sequence[Mapping[str, Any]] = found.get("commands", (found,))
    return several


def _show(found: Mapping[str, Any], *, as_json: bool) -> None:
    output.print_rows(found, COLUMNS, [_row(command) for command in _each(found)], as_json=as_json)


def _row(command: Mapping[str, Any]) -> Sequence[object]:
    what = " ".join(filter(None, (command["name"], output.table_cell(command["arguments"]))))
    names = ("delivery", "effect", "answer", "issued_at", "issuer")
    return command["id"], command["asset_id"], what, *(command[name] for name in names)


if __name__ == "__main__":
    program_support.run_program("command", app)
