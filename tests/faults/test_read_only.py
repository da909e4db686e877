"""F11: a file system that is, or becomes, read-only is told as such; nothing that was confirmed is lost."""

import os
import subprocess
from pathlib import Path

import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from runtime.exit_codes import FAILED, UNREACHABLE, USAGE
from tests.faults.account import assert_each_stored_once
from tests.faults.conftest import Report
from tests.faults.publishing import publishing
from tests.faults.test_broker_away import wait_for_more
from tests.real_parts.brokers import Broker
from tests.real_parts.failing_disk import failing_disk
from tests.real_parts.waiting import wait_until
from tests.system.installation import running
from tests.system.test_backup import lautern

RATE = 200
VERBS = ("up", "gateway", "api", "migrate", "init", "backup", "doctor")
pytestmark = pytest.mark.timeout(150)


def test_a_disk_that_turns_read_only_is_named_and_all_goes_on_when_it_is_repaired(
    mosquitto: Broker, tmp_path: Path, report: Report
) -> None:
    with failing_disk(tmp_path / "disk", 200) as disk, running(disk.folder / "town", mosquitto) as town:
        os.sync()  # what the test itself wrote; what Lautern confirms is Lautern's to put on disk
        with publishing(town, RATE) as fleet:
            wait_for_more(town)
            disk.fail()
            wait_until(lambda: not town.ready(), timeout_s=60, what="not ready on a read-only disk")
            wanted = SENTENCES[SystemFault.REGISTRY_READ_ONLY].text()
            wait_until(lambda: wanted in town.rest.call("GET", "/readyz")[1]["summary"], timeout_s=60, what="its name")
            assert town.rest.call("GET", "/devices")[0] == 200, "reading goes on"
            status, problem = town.rest.call("POST", "/tenants", {"tenant_id": "speyer", "name": "Speyer"})
            assert status == 503, problem
            number = fleet.number
            wait_until(lambda: fleet.number > number + 5 * RATE, timeout_s=30)
            told = lautern("doctor", "--data-dir", town.folder)
            assert "read-only" in told.stdout
            town.gateway.kill()
            told = lautern("gateway", "--data-dir", town.folder)
            assert told.returncode == UNREACHABLE, told.stderr
            assert "read-only" in told.stderr
            assert "Traceback" not in told.stderr
            town.api.kill()
            disk.repair()
            town.api.start()
            town.start_gateway()
            wait_until(town.ready, timeout_s=60, what="ready again")
        account = assert_each_stored_once(town, fleet)
    report("F11", "disk of all databases turns read-only, then repaired", "mosquitto-sqlite", account)


def test_who_starts_on_a_read_only_disk_is_told(tmp_path: Path, report: Report) -> None:
    with failing_disk(tmp_path / "disk", 100) as disk:
        home = disk.folder / "home"
        assert lautern("init", "--data-dir", home).returncode == 0
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
        for verb in VERBS:
            done = lautern(verb, "--data-dir", home, *(("--to", tmp_path) if verb == "backup" else ()))
            assert done.returncode in {FAILED, USAGE, UNREACHABLE}, (verb, done.stderr)
            said = done.stdout + done.stderr
            assert "read-only" in said.strip().rpartition("\n")[2].lower() or verb == "doctor", (verb, said)
            assert "read-only" in said.lower(), (verb, said)
            assert "Traceback" not in said, (verb, said)
    report("F11", "started on a read-only disk", "nats-sqlite", told=len(VERBS))
