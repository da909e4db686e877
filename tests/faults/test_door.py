"""A door that lets nobody in is named, and is well again by itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from devices.health.faults import Fault
from devices.health.sentences import SENTENCES
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
