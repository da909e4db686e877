"""`lautern up`: broker, gateway and API on one machine, watched until Ctrl-C or SIGTERM."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from devices.errors import ConfigurationError
from runtime import logging_setup, process_faults, program_support, settings
from runtime.file_modes import mend_modes, modes_sentence
from runtime.forked_process import module_command, preload
from runtime.installation import ROLES, Installation, choose_ports, exclusive_data_dir
from runtime.operators import TOLD, Operators, mailing
from runtime.processes import ChildProgram, ProcessSupervisor, ProgramFailed, run_to_end
from runtime.tcp_ports import place_of

log = structlog.get_logger()
TABLES_S: Final = 10.0
"""So long nobody else is begun."""


def up(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the API; without it 8000 or the next free one.")
    ] = None,
) -> None:
    """Run Lautern on this machine: broker, gateway, API; what dies is started again. Ctrl-C ends all.

    Example:  lautern up --data-dir /srv/lautern --port 8080
    """
    chosen = settings.load_settings(data_dir, config)
    logging_setup.set_up(chosen.log)
    if port is not None:
        chosen = chosen.model_copy(update={"http": chosen.http.model_copy(update={"port": port})})
    record = chosen.data_dir / process_faults.FILE
    with exclusive_data_dir(chosen.data_dir), stop_event() as stop, supervised_children(_say, record) as supervisor:
        if open_to_others := modes_sentence(mend_modes(chosen)):
            log.warning(open_to_others)
        found = choose_ports(chosen, _say, http_fixed=port is not None, mqtt_fixed=True)
        preload(ROLES)
        installation = Installation(chosen, found, config)
        broker = installation.broker(simulators=False)
        if broker is not None:
            broker.start(supervisor)
        prepare_tables(installation)
        if broker is not None:
            supervisor.start(installation.auth_callout(broker))
        supervisor.start(installation.gateway())
        supervisor.start(installation.api())
        told = (*installation.arguments(), "--address", installation.address)
        supervisor.start(installation.program("first", "runtime.bootstrap", *told, once=True))
        mqtt = place_of(installation.mqtt_host, found.mqtt)
        _say(f"API on {installation.address}/docs, MQTT on {mqtt}, data in {chosen.data_dir}")
        operators = _operators(chosen, installation, supervisor)

        def look() -> None:
            if broker is not None:
                broker.check_broker()
            if operators is not None:
                operators.tell_operators()

        watch_children(supervisor, look, stop)
        if broker is not None:
            broker.close()
        _say("ending")


@contextmanager
def stop_event() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set inside the block."""
    stop = threading.Event()
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def supervised_children(say: Callable[[str], None], record: Path | None = None) -> Iterator[ProcessSupervisor]:
    """A supervisor whose children end with the block. `record`: where it notes what dies again and again."""
    supervisor = ProcessSupervisor(say, record=record)
    try:
        yield supervisor
    finally:
        supervisor.stop()


def watch_children(supervisor: ProcessSupervisor, look: Callable[[], None], stop: threading.Event) -> None:
    """Restart what dies until `stop`, calling `look` five times a second. Raises ProgramFailed."""
    while not stop.wait(0.2):
        supervisor.restart_dead()
        look()


def prepare_tables(installation: Installation) -> None:
    """Bring the tables up to date in a process whose memory goes with it; the roles do what it could not."""
    if installation.settings.registry.migrate:
        command = module_command("cli.migrate", *installation.arguments())
        with suppress(ProgramFailed):
            run_to_end(ChildProgram("tables", command, installation.environment(), Path(os.devnull)), TABLES_S)


def _operators(
    chosen: settings.Settings, installation: Installation, supervisor: ProcessSupervisor
) -> Operators | None:
    """Those who are told by mail what keeps dying; None where nobody is. Raises ConfigurationError."""
    if not chosen.notifications.operators:
        return None
    if chosen.mail.host is None:
        raise ConfigurationError("notifications.operators needs mail.host")
    return Operators(supervisor, mailing(installation.arguments()), chosen.data_dir / TOLD)


def _say(text: str) -> None:
    log.info(text)


if __name__ == "__main__":
    program_support.run_program("up", up)
