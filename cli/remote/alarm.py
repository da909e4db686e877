"""`lautern alarm`: what is wrong out there, and who has seen it."""

from typing import Annotated, Any, Final

import typer

from cli.remote import output
from cli.remote.api_client import quote_path
from cli.remote.durations import parse_duration_s
from cli.remote.local_api import Count, Here, Json, api_of
from runtime import program_support

app = program_support.new_app("List alarms, say that you have seen one, put one aside for a time.")
Alarm = Annotated[str, typer.Argument(help="As `lautern alarm list` shows it.")]
Said = Annotated[str | None, typer.Option("--comment", help="What there is to say.")]
COLUMNS: Final = ("alarm", "device", "what", "severity", "since", "cleared", "seen by", "comment")
NAMES: Final = ("id", "asset_id", "name", "severity", "since", "cleared_at", "acknowledged_by", "comment")


@app.command("list")
def list_alarms(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="Such as streetlight.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="Of this device.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    count: Count = 100,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """List alarms, newest first.

    \b
    Examples:
      lautern alarm list --kind streetlight
      lautern alarm list --all --device L01 --json
    """  # noqa: D301 - typer keeps the lines after it
    with api_of(data_dir) as api:
        found = api.items("/alarms", count, kind=kind, device=device, open=not every)
    output.print_rows(found, COLUMNS, [[alarm[name] for name in NAMES] for alarm in found], as_json=as_json)


@app.command("ack")
def ack(alarm: Alarm, *, comment: Said = None, as_json: Json = False, data_dir: Here = None) -> None:
    """Say that you have seen it; it stays open until its condition ends.

    Example:  lautern alarm ack 17 --comment 'crew is on its way'
    """
    with api_of(data_dir) as api:
        found = api.post(f"/alarms/{quote_path(alarm)}/acknowledge", _said(comment))
    output.print_sentence(f"{found['name']} of {found['asset_id']} is acknowledged", found, as_json=as_json)


@app.command("shelve")
def shelve(
    alarm: Alarm,
    *,
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 8h or 3d.")],
    comment: Said = None,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Put it aside for a time: it tells nobody until then.

    Example:  lautern alarm shelve 17 --for 3d --comment 'part is ordered'
    """
    body = {**_said(comment), "duration_s": parse_duration_s(lasting, "--for")}
    with api_of(data_dir) as api:
        found = api.post(f"/alarms/{quote_path(alarm)}/shelve", body)
    output.print_sentence(f"{found['name']} of {found['asset_id']} is put aside for {lasting}", found, as_json=as_json)


def _said(comment: str | None) -> dict[str, Any]:
    return {} if comment is None else {"comment": comment}


if __name__ == "__main__":
    program_support.run_program("alarm", app)
