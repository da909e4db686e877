"""PostgreSQL away for longer than the supervisor's patience: nothing gives up, and all is well when it is back."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from tests.faults.publishing import LONG
from tests.real_parts.ports import claim_port
from tests.real_parts.postgres import PostgresCluster
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Rest

FROZEN_S = 200 if LONG else 0
"""Longer than six deaths of a program take to end all."""
pytestmark = pytest.mark.timeout(600 if LONG else 180)


def test_up_waits_for_its_registry_without_end(postgres: PostgresCluster, postgres_url: str, tmp_path: Path) -> None:
    postgres.server.stop()
    with _up(tmp_path, postgres_url) as (rest, said):
        wait_until(lambda: said().count("cannot work yet (exit code 3)") >= 4, timeout_s=60, what="both try again")
        postgres.server.start()
        wait_until(lambda: _summary(rest) == "Everything works.", timeout_s=60, what="ready once it is there")
        postgres.server.stop()
        away = SENTENCES[SystemFault.REGISTRY_AWAY].text()
        wait_until(lambda: _summary(rest) == away, timeout_s=60, what="its absence is named")
        postgres.server.start()
        wait_until(lambda: _summary(rest) == "Everything works.", timeout_s=60, what="ready again")
        if LONG:
            with postgres.server.paused():
                began = time.monotonic()
                wait_until(lambda: time.monotonic() - began > FROZEN_S, timeout_s=FROZEN_S + 10)
            wait_until(lambda: _summary(rest) == "Everything works.", timeout_s=60, what="ready after the thaw")


@contextmanager
def _up(folder: Path, registry_url: str) -> Iterator[tuple[Rest, Callable[[], str]]]:
    port = claim_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAUTERN_")} | {
        "LAUTERN_REGISTRY__URL": registry_url,
        "LAUTERN_BROKER__URL": f"mqtt://127.0.0.1:{claim_port()}",
        "LAUTERN_GATEWAY__METRICS_PORT": str(claim_port()),
    }
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(folder / "data"), "--port", str(port)]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield Rest(f"http://127.0.0.1:{port}", ""), log.read_text
        assert process.poll() is None, log.read_text()[-2000:]
    finally:
        process.terminate()
        process.wait(20)


def _summary(rest: Rest) -> str:
    try:
        return str(rest.call("GET", "/readyz")[1]["summary"])
    except OSError:
        return "the API does not answer"
