"""`lautern demo`: a city on this machine, with a day of history, then live."""

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Final

import typer

from cli.demo.demo_part import KEYS, PLAN, USERS
from cli.demo.demo_watch import DemoAudience, DemoOpening
from cli.up import prepare_tables, stop_event, supervised_children, watch_children
from devices.errors import ConfigurationError
from runtime import logging_setup, process_faults, program_support, settings
from runtime.broker.service_passwords import SIMULATORS
from runtime.forked_process import module_command, preload
from runtime.installation import ROLES, Installation, choose_ports, exclusive_data_dir, sign_in_link
from runtime.processes import ChildProgram, ProcessSupervisor
from runtime.tcp_ports import place_of

DATA_DIR: Final = Path("var/demo")
ALIVE: Final = "demo-alive"
HOUR_S: Final = 3600.0
CITY: Final = "cli.demo.city"
DEVICES: Final = "simulators.side_by_side"


def demo(
    *,
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Where the demo's data are kept.")] = DATA_DIR,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the API; without it 8000 or the next free one.")
    ] = None,
    hours: Annotated[float, typer.Option("--hours", help="History to fill in.", min=0, max=24 * 7)] = 24,
    fresh: Annotated[bool, typer.Option("--fresh", help="Drop what an earlier demo kept.")] = False,
) -> None:
    """Show a city: the lamps of the Fauthweg, the drones Fritz and Ottmar, a festival on the MoGLi.

    Broker, gateway, API and simulated devices run on this machine until Ctrl-C; data are kept between runs.

    Example:  lautern demo --fresh --port 8080
    """
    began = time.monotonic()
    # Its link is to open the city at once; on the account page a second factor can be tried all the same.
    os.environ.setdefault("LAUTERN_ACCESS__SECOND_FACTOR", "offered")
    with exclusive_data_dir(data_dir):
        if fresh:
            _drop(data_dir)
        chosen = settings.load_settings(data_dir)
        logging_setup.set_up(chosen.log)
        if chosen.broker.mode == "external":
            raise ConfigurationError("the demo brings its own broker: leave broker.mode alone")
        if port is not None:
            chosen = chosen.model_copy(update={"http": chosen.http.model_copy(update={"port": port})})
        with stop_event() as stop, supervised_children(_say, data_dir / process_faults.FILE) as supervisor:
            found = choose_ports(chosen, _say, http_fixed=port is not None)
            installation = Installation(chosen, found, logs=chosen.data_dir / "logs")
            _run(installation, supervisor, stop, hours, began)
            _say("ending")


def _run(installation: Installation, supervisor: ProcessSupervisor, stop: Event, hours: float, began: float) -> None:
    data_dir = installation.settings.data_dir
    _say(f"starting; data in {data_dir}, logs in {data_dir / 'logs'}")
    broker = installation.broker(simulators=True)
    preload((*ROLES, CITY, DEVICES))
    if broker is not None:
        broker.start(supervisor)
    prepare_tables(installation)
    if broker is not None:
        supervisor.start(installation.auth_callout(broker))
    # Together, as each takes a second or two of which most is loading; they agree on the tables among themselves.
    city = supervisor.start(installation.program("city", CITY, *installation.arguments(), once=True))
    supervisor.start(installation.gateway())
    supervisor.start(installation.api())
    opening = DemoOpening(installation.address)
    alive = _Alive(data_dir / ALIVE)

    def look() -> None:
        if broker is not None:
            broker.check_broker()
        alive.look(filled=opening.done)
        if opening.audiences is None and city.ended() == 0 and opening.receives():
            plan: dict[str, Any] = json.loads((data_dir / PLAN).read_text(encoding="utf-8"))
            supervisor.start(_simulators(installation, plan["simulated"], _history_s(data_dir / ALIVE, hours)))
            opening.audiences = [DemoAudience(**audience) for audience in plan["audiences"]]
            sys.stdout.write(_LINK.format(link=sign_in_link(installation.address, plan["token"])))
            sys.stdout.flush()
        elif opening.look():
            _tell(installation, opening, time.monotonic() - began)
        elif opening.trouble_is_new():
            _say(f"still waiting: {opening.trouble}")

    watch_children(supervisor, look, stop)
    if broker is not None:
        broker.close()


def _tell(installation: Installation, opening: DemoOpening, after_s: float) -> None:
    if not opening.done:
        _say(f"first data are there after {after_s:.1f} s; the history is being filled in")
        return
    _say(f"live after {after_s:.1f} s")
    sys.stdout.write(_page(installation, opening))
    sys.stdout.flush()


def _simulators(installation: Installation, kinds: Mapping[str, int | None], history_s: float) -> ChildProgram:
    chosen = installation.settings
    password = installation.logins.password(SIMULATORS)
    address = f"mqtt://{SIMULATORS}:{password}@{place_of(installation.mqtt_host, installation.ports.mqtt)}"
    asked = [kind if count is None else f"{kind}={count}" for kind, count in kinds.items()]
    where = ["--tenant", chosen.default_tenant, "--root", chosen.topic_root, "--history", f"{history_s:.0f}s"]
    return ChildProgram(
        "simulators",
        module_command(DEVICES, *asked, *where),
        {"LAUTERN_SIMULATE_BROKER": address},
        chosen.data_dir / "logs" / "simulators.log",
    )


class _Alive:
    """Remembers on disk until when devices were simulated, so that the next run fills in what is missing since."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._touched = 0.0

    def look(self, *, filled: bool) -> None:
        """Call often; `filled`: the history is there."""
        if filled and time.monotonic() - self._touched > 10:
            self._touched = time.monotonic()
            self._file.touch()


def _history_s(alive: Path, hours: float) -> float:
    since_s = time.time() - alive.stat().st_mtime if alive.exists() else float("inf")
    return max(0.0, min(hours * HOUR_S, since_s))


def _drop(data_dir: Path) -> None:
    """Empty the folder, but for the lock that we hold. Raises ConfigurationError for one that no demo made."""
    inside = [path for path in data_dir.iterdir() if path.name != "lautern.lock"]
    if inside and not (data_dir / KEYS).exists():
        raise ConfigurationError(f"{data_dir} was not made by the demo; --fresh would delete what is in it")
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


_LINK: Final = """
  This link signs you in, once; devices and their history appear in a moment:

    {link}

"""
_HEAD: Final = """
  Lautern runs: {url} (calls of the API to try out: {url}/docs)
"""
_FOOT: Final = """
  A device of your own ({mqtt}, topic {root}/{own}/telemetry) gets its password by

    .venv/bin/lautern broker add-device {own} --data-dir {data_dir}

  In {data_dir}: {users} with passwords, {keys}, logs. Ctrl-C ends everything; data stay, --fresh drops them.

"""


def _page(installation: Installation, opening: DemoOpening) -> str:
    chosen = installation.settings
    shown = [(a.audience, line) for a in opening.audiences or () for line in a.lines(installation.address)]
    foot = _FOOT.format(
        mqtt=place_of(installation.mqtt_host, installation.ports.mqtt),
        root=chosen.topic_root,
        own=f"{chosen.default_tenant}/streetlight/my-lamp",
        data_dir=chosen.data_dir,
        users=USERS,
        keys=KEYS,
    )
    lines = [f"\n  {audience}: {line.does}\n\n    {line.arguments}\n" for audience, line in shown]
    return _HEAD.format(url=installation.address) + "".join(lines) + foot


def _say(text: str) -> None:
    sys.stdout.write(f"lautern: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    program_support.run_program("demo", demo)
