"""A real mosquitto for a test run: sessions and queues on disk, no limits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real_parts import finding, ports
from tests.real_parts.brokers import Broker, new_login
from tests.real_parts.servers import Server, serving

# Its defaults drop after 1,000 queued messages and save every half hour.
CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes {autosave}
autosave_interval 100
max_inflight_messages 0
max_queued_messages 0
max_queued_bytes 0
log_dest stdout
log_type error
log_type warning
log_type notice
"""


@contextmanager
def running(folder: Path, *, autosave: bool = True) -> Iterator[Broker]:
    """Run one in a folder; takes every login. `autosave`: write the state to disk after every 100 changes."""
    program = finding.require_tool("mosquitto")
    port = ports.claim_port()
    command: list[str | Path] = [program, "-c", _write_configuration(folder, port, autosave=autosave)]
    with serving(Server("mosquitto", command, folder=folder, ready=lambda: ports.answers(port))) as server:
        yield Broker(
            name="mosquitto",
            host="127.0.0.1",
            port=port,
            gateway=new_login("gateway"),
            device=new_login("device"),
            server=server,
        )


@pytest.fixture(scope="module")
def mosquitto(mosquitto_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running mosquitto for the tests of a file: sessions left behind would queue all that later files publish."""
    with running(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


def _write_configuration(folder: Path, port: int, *, autosave: bool) -> Path:
    text = CONFIGURATION.format(port=port, folder=folder, autosave=str(autosave).lower())
    if os.geteuid() == 0:
        # Otherwise it would change to a user that may not write to this folder.
        text += "user root\n"
    path = folder / "mosquitto.conf"
    path.write_text(text)
    return path
