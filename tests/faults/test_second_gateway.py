"""A second gateway refuses, and the first does not notice."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.publishing import publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.servers import Server
from tests.system.installation import ROOT, Installation, running

REFUSED = 4
pytestmark = pytest.mark.timeout(90)


@pytest.mark.parametrize("where", ["same data", "same registry"])
def test_second_gateway_refuses_and_disturbs_nobody(
    mosquitto: Broker, tmp_path: Path, where: str, report: Report
) -> None:
    with running(tmp_path / "first", mosquitto) as town:
        folder = town.folder if where == "same data" else _folder_on_the_same_registry(town, tmp_path / "second")
        with publishing(town, 300, lamps=10) as fleet:
            for _ in range(2):
                assert _run_second(folder).returncode == REFUSED
        assert town.gateway.running()
        account = assert_each_stored_once(town, fleet)
        report("two gateways", f"a second one on the {where} refuses", "mosquitto-sqlite", account)
        assert account.came_twice == 0
        assert town.said("mqtt_ready")
        assert not town.said("mqtt_disconnected")


def test_next_gateway_takes_over_from_one_that_ended(mosquitto: Broker, tmp_path: Path) -> None:
    with running(tmp_path / "first", mosquitto) as town:
        other = _folder_on_the_same_registry(town, tmp_path / "second")
        town.gateway.stop()
        ready = other / "gateway.log"
        role = [sys.executable, "-m", "runtime.gateway_role"]
        command: list[str | Path] = ["env", f"PYTHONPATH={ROOT}", *role, "--data-dir", other]
        second = Server("gateway", command, folder=other, ready=lambda: "gateway_started" in ready.read_text())
        second.start()
        second.stop()


def _folder_on_the_same_registry(town: Installation, folder: Path) -> Path:
    Installation(folder, town.broker).write_settings(registry_url=town.registry_url)
    return folder


def _run_second(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "runtime.gateway_role", "--data-dir", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False)
