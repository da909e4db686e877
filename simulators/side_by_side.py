"""`python -m simulators.side_by_side KIND[=COUNT] …`: several kinds at once in one process, as the demo wants them."""

import logging
import threading
from typing import Annotated

import typer

from devices.errors import ConfigurationError
from devices.topics import ROOT
from simulators.command_line import parse_broker, parse_duration_s, stop_on_signals
from simulators.options import SimulationOptions
from simulators.run import run_simulation


def simulate_kinds(
    kinds: Annotated[list[str], typer.Argument(help="Such as streetlight, or event_network=5.")],
    *,
    broker: Annotated[str, typer.Option(envvar="LAUTERN_SIMULATE_BROKER", help="mqtt://user:password@host:port")],
    tenant: str = "kl",
    root: str = ROOT,
    history: Annotated[str, typer.Option(help="First fill in this much of the past, such as 24h.")] = "0",
) -> None:
    """Simulate devices of several kinds until asked to end; when one kind cannot go on, none does."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    address, history_s, stop = parse_broker(broker), parse_duration_s(history), stop_on_signals()
    failed: list[str] = []

    def run(kind: str, count: int | None) -> None:
        options = SimulationOptions(
            kind=kind, broker=address, count=count, tenant=tenant, root=root, history_s=history_s
        )
        try:
            run_simulation(options, stop)
        except ConfigurationError as error:
            typer.echo(str(error), err=True)
            failed.append(kind)
        except BaseException:
            failed.append(kind)
            raise
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=_asked(text), name=text) for text in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise typer.Exit(2)


def _asked(text: str) -> tuple[str, int | None]:
    kind, _, count = text.partition("=")
    if count and not count.isdecimal():
        raise typer.BadParameter("must look like streetlight or streetlight=5")
    return kind, int(count) if count else None


if __name__ == "__main__":
    typer.run(simulate_kinds)
