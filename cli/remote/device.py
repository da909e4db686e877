"""`lautern device`: what there is in the city and what it says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from cli.remote import output
from cli.remote.api_client import quote_path
from cli.remote.local_api import Count, Here, Json, api_of
from runtime import program_support

app = program_support.new_app("Show devices and what they say; approve those that wait.")
Device = Annotated[str, typer.Argument(help="Id of the device.")]
GROUP: Final = "group/"
COLUMNS: Final = ("id", "kind", "name", "status", "town")


@app.command("list")
def list_devices(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="Such as streetlight.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Such as online, offline, unreachable.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Members of this group.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Part of the id or name.")] = None,
    count: Count = 100,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """List devices.

    \b
    Examples:
      lautern device list --kind streetlight --status offline
      lautern device list --group fauthweg --json
    """  # noqa: D301 - typer keeps the lines after it
    with api_of(data_dir) as api:
        found = api.items("/devices", count, kind=kind, status=status, group=group, q=text)
    rows = [(d["id"], d["kind"], d["name"], d["status"], d["tenant_id"]) for d in found]
    output.print_rows(found, COLUMNS, rows, as_json=as_json)


@app.command("show")
def show(device: Device, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Show what the registry holds of one device.

    Example:  lautern device show L01
    """
    with api_of(data_dir) as api:
        found = api.get(f"/devices/{quote_path(device)}")
    output.print_rows(found, ("", ""), list(found.items()), as_json=as_json)


@app.command("latest")
def latest(device: Device, *, as_json: Json = False, data_dir: Here = None) -> None:
    """Show the newest values of one device, with their age.

    Example:  lautern device latest L01
    """
    with api_of(data_dir) as api:
        found = api.get(f"/devices/{quote_path(device)}/latest")
    rows = [row for item in found["items"] for row in _values(item)]
    output.print_rows(found, ("what", "part", "field", "value", "age"), rows, as_json=as_json)


@app.command("unknown")
def unknown(*, count: Count = 100, as_json: Json = False, data_dir: Here = None) -> None:
    """List devices that speak and are not registered.

    Example:  lautern device unknown
    """
    with api_of(data_dir) as api:
        found = api.items("/devices/unknown", count)
    columns = ("device", "kind", "town", "messages", "last seen")
    names = ("device_id", "kind", "tenant_id", "messages", "last_seen_at")
    output.print_rows(found, columns, [[d[name] for name in names] for d in found], as_json=as_json)


@app.command("approve")
def approve(
    device: Device,
    *,
    called: Annotated[str | None, typer.Option("--called", help="Name for people; default: the id.")] = None,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Register a waiting device; what it says from then on is kept.

    Example:  lautern device approve my-lamp --called 'Lamp at the gate'
    """
    body = {} if called is None else {"name": called}
    with api_of(data_dir) as api:
        made = api.post(f"/devices/unknown/{quote_path(device)}/approve", body)
    output.print_sentence(f"{made['id']} is registered; what it says from now on is kept", made, as_json=as_json)


@app.command("members")
def members(device: Device, *, as_json: Json = False, data_dir: Here = None) -> None:
    """List the devices that a connector speaks for.

    Example:  lautern device members box
    """
    with api_of(data_dir) as api:
        found = api.get(f"/devices/{quote_path(device)}/members")["items"]
    rows = [(m["id"], m["device_id"], m["kind"], m["from"]) for m in found]
    output.print_rows(found, ("id", "device", "kind", "since"), rows, as_json=as_json)


@app.command("speak-for")
def speak_for(
    device: Annotated[str, typer.Argument(help="Id of the connector.")],
    others: Annotated[list[str], typer.Argument(help="Ids of devices, or one group/ID.")],
    *,
    end: Annotated[bool, typer.Option("--end", help="It speaks for them no more.")] = False,
    as_json: Json = False,
    data_dir: Here = None,
) -> None:
    """Let a device speak for others, which then have no login of their own; or end that.

    \b
    Examples:
      lautern device speak-for box L01 L02
      lautern device speak-for box group/fauthweg
      lautern device speak-for box L01 --end
    """  # noqa: D301 - typer keeps the lines after it
    path = f"/devices/{quote_path(device)}/members"
    with api_of(data_dir) as api:
        if end:
            for other in others:
                api.call("DELETE", f"{path}/{quote_path(other)}")
            made: Any = {"items": []}
        elif others[0].startswith(GROUP):
            made = api.post(path, {"group": others[0].removeprefix(GROUP)})
        else:
            made = api.post(path, {"devices": others})
    told = f"no longer speaks for {len(others)}" if end else f"speaks for {len(made['items'])}"
    output.print_sentence(f"{device} {told}", made, as_json=as_json)


def _values(item: Mapping[str, Any]) -> Iterator[Sequence[object]]:
    age = f"{item['age_s']:.0f} s"
    for name, value in item["values"].items():
        yield item["channel"], item["part"], name, value, age


if __name__ == "__main__":
    program_support.run_program("device", app)
