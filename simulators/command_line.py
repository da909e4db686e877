"""`lautern simulate KIND …`, also `python -m simulators KIND …`."""

import logging
import re
import signal
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

import typer

from devices.errors import ConfigurationError
from devices.topics import ROOT
from simulators.load import generate_load
from simulators.options import BrokerAddress, FaultOptions, SimulationOptions
from simulators.run import run_simulation
from simulators.simulation import SimulationTotals

Chance = Annotated[float, typer.Option(min=0, max=1)]
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_duration_s(text: str) -> float:
    """Seconds of `90`, `90s`, `15m`, `24h` or `2d`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if match is None:
        raise typer.BadParameter("must look like 90s, 15m, 24h or 2d")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def parse_broker(text: str) -> BrokerAddress:
    """Read what `--broker` names."""
    try:
        return BrokerAddress.parse(text)
    except ConfigurationError as error:
        raise typer.BadParameter(error.detail) from error


def simulate(
    kind: Annotated[str, typer.Argument(help="Kind of device, such as streetlight.")],
    *,
    broker: Annotated[str, typer.Option(envvar="LAUTERN_SIMULATE_BROKER", help="mqtt://user:password@host:port")],
    count: Annotated[int | None, typer.Option(min=1, help="Devices; without it the kind's own scene.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same devices and faults.")] = 1,
    interval: Annotated[str | None, typer.Option(help="Reporting interval, such as 60s.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Load generator: messages/s in total.")] = None,
    flood: Annotated[bool, typer.Option(help="Load generator: as fast as the broker confirms.")] = False,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Of the load generator.")] = 1,
    tenant: str = "kl",
    root: str = ROOT,
    prefix: Annotated[str | None, typer.Option(help="Of the device ids.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what is true here, as JSON lines.")] = None,
    duration: Annotated[str | None, typer.Option(help="End after this, such as 10m.")] = None,
    history: Annotated[str, typer.Option(help="First fill in this much of the past, such as 24h.")] = "0",
    connections: Annotated[int | None, typer.Option(min=1, help="Shared by the devices.")] = None,
    behind: Annotated[
        str | None, typer.Option(help="Connector that speaks for them, such as streetlight/box; log in as that one.")
    ] = None,
    drop: Chance = 0.0,
    drop_commands: Chance = 0.0,
    duplicate: Chance = 0.0,
    reorder: Chance = 0.0,
    reboot: Chance = 0.0,
    reset_counters: Chance = 0.0,
    garbage: Chance = 0.0,
    skew: Annotated[float, typer.Option(help="Device clocks ahead by so many seconds.")] = 0.0,
    outage_every: Annotated[str, typer.Option(help="Break each connection so often.")] = "0",
    outage_for: Annotated[str, typer.Option(help="… for so long.")] = "30s",
) -> None:
    """Simulate devices: demo, load generator, fault injector and ground truth at once."""
    options = SimulationOptions(
        kind=kind,
        broker=parse_broker(broker),
        count=count,
        seed=seed,
        interval_s=None if interval is None else parse_duration_s(interval),
        tenant=tenant,
        root=root,
        prefix=prefix,
        truth=truth,
        duration_s=None if duration is None else parse_duration_s(duration),
        history_s=parse_duration_s(history),
        connections=connections,
        behind=behind,
        faults=FaultOptions(
            drop=drop,
            drop_commands=drop_commands,
            duplicate=duplicate,
            reorder=reorder,
            skew_s=skew,
            reboot=reboot,
            reset_counters=reset_counters,
            garbage=garbage,
            outage_every_s=parse_duration_s(outage_every),
            outage_for_s=parse_duration_s(outage_for),
        ),
    )
    _carry_out(options, rate if not flood else None, processes, generate=flood or rate is not None)


def main() -> None:
    """Run the command line."""
    typer.run(simulate)


def _carry_out(options: SimulationOptions, rate: float | None, processes: int, *, generate: bool) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    stop = stop_on_signals()
    try:
        totals = generate_load(options, rate, processes, stop) if generate else run_simulation(options, stop)
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(_summary(totals))


def stop_on_signals() -> Event:
    """An event that Ctrl-C and SIGTERM set."""
    stop = Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return stop


def _summary(totals: SimulationTotals) -> str:
    return (
        f"{totals.sent} messages sent, {totals.confirmed} confirmed, {totals.dropped} dropped on purpose, "
        f"{totals.commands} commands taken"
    )
