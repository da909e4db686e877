"""A door that lets nobody in is named, and is well again by itself; a login that it refuses often is an alarm."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devices.generic_rules import LOGIN_REFUSED, REFUSED_MANY
from devices.health.faults import Fault
from devices.health.sentences import SENTENCES
from devices.ports.alarms import Alarms
from runtime.broker.admission import Place, admits
from tests.faults.embedded import Embedded, embedded
from tests.real_parts.ports import answers
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Rest

WITHIN_S = 60
DOOR = "runtime.broker.door_role"


def _readyz(town: Embedded) -> dict[str, Any]:
    answer: dict[str, Any] = Rest(f"http://127.0.0.1:{town.http_port}", "").call("GET", "/readyz")[1]
    return answer


@pytest.mark.timeout(240)
def test_a_login_refused_again_and_again_is_an_alarm(tmp_path: Path) -> None:
    def alarms() -> list[tuple[str, str]]:
        with closing(town.registry()) as registry, registry.read() as tx:
            return [(a.asset_id, a.name) for a in tx.get(Alarms).find().items if a.name == LOGIN_REFUSED]

    with embedded(tmp_path / "data", ["L1", "L2"]) as (town, known):
        for login in (known["L1"], known["L2"]):
            for _ in range(REFUSED_MANY if login == known["L1"] else REFUSED_MANY - 1):
                assert not admits(Place("127.0.0.1", town.port), login.user, "an old password")
        wait_until(lambda: bool(alarms()), timeout_s=120, what="an alarm")
        assert alarms() == [("L1", LOGIN_REFUSED)]


@pytest.mark.timeout(240)
def test_a_frozen_door_is_named_and_started_again(tmp_path: Path) -> None:
    with embedded(tmp_path / "data", ["L1"]) as (town, _):
        wait_until(lambda: answers(town.http_port), timeout_s=30, what="the API")
        wait_until(lambda: _readyz(town)["ready"], timeout_s=30, what="ready")
        frozen, began = town.child(DOOR), time.monotonic()
        os.kill(frozen, signal.SIGSTOP)
        sentence = SENTENCES[Fault.DOOR_AWAY].text()
        wait_until(lambda: _readyz(town)["summary"] == sentence, timeout_s=WITHIN_S, what="the fault is named")
        print(f"\nnamed after {time.monotonic() - began:.1f} s")  # noqa: T201 - the figure is the point
        doctor = [sys.executable, "-m", "runtime", "doctor", "--data-dir", str(town.folder)]
        found = subprocess.run(doctor, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert sentence in found.stdout
        wait_until(lambda: _readyz(town)["ready"], timeout_s=WITHIN_S, what="the supervisor starts it again")
        assert town.child(DOOR) not in {0, frozen}
