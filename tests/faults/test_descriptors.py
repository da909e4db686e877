"""A10: the broker runs out of descriptors: it is told, and healed without a hand once they are free."""

import resource
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest

from benchmarks.parts.cost import open_things
from tests.faults.conftest import Report
from tests.faults.embedded import embedded
from tests.faults.rough import rough
from tests.faults.test_stuck import Lamp, ready
from tests.real_parts.ports import answers
from tests.real_parts.waiting import wait_until

LEFT: Final = 60
"""Descriptors that the broker may open beside those that it has."""
NUMBER: Final = 2 * LEFT
WITHIN_S: Final = 30
TOLD: Final = ("says of itself", "takes no message", "does not answer")
"""Why it was started again."""


@pytest.mark.timeout(200)
def test_a_broker_without_descriptors_is_told_and_heals(tmp_path: Path, report: Report) -> None:
    with embedded(tmp_path / "data", ["L1", "L2"]) as (town, logins), ExitStack() as held:
        lamp, other = Lamp(town, logins["L1"]), Lamp(town, logins["L2"], "L2")
        wait_until(lambda: answers(town.http_port) and ready(town), timeout_s=40, what="ready")
        link = held.enter_context(rough(town.as_broker(lamp.login), lamp.login.user, patience_s=10))
        pid = town.child("nats-server")
        most = open_things(pid)[0] + LEFT
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        with suppress(OSError):
            for _ in range(NUMBER):
                held.enter_context(socket.create_connection(("127.0.0.1", town.port), timeout=1))
        wait_until(lambda: not (lamp.publish(link, 1) and other.confirmed()), timeout_s=20, what="there are none left")
        began = time.monotonic()
        wait_until(lambda: town.child("nats-server") not in {0, pid}, timeout_s=60, what="it is started again")
        restarted_s = time.monotonic() - began
        wait_until(other.confirmed, timeout_s=60, what="a lamp comes in and is heard")
        wait_until(lambda: ready(town), timeout_s=60, what="ready")
        again_s = time.monotonic() - began
        told = [word for word in TOLD if word in town.said()]
    report("A10", f"the broker's open files limited, {NUMBER} silent sockets take the rest", "embedded", None,
           told=", ".join(told), restarted_after_s=round(restarted_s, 1), works_again_s=round(again_s, 1))  # fmt: skip
    assert told
    assert again_s <= WITHIN_S
