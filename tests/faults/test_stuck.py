"""What is stuck, or dies again and again, is started again without a hand, and takes nobody with it."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from devices.time_us import rfc3339
from tests.faults.conftest import Report
from tests.faults.embedded import Embedded, embedded
from tests.faults.publishing import LONG
from tests.faults.rough import Rough, rough
from tests.real_parts.brokers import Login
from tests.real_parts.ports import answers
from tests.real_parts.small_disk import fill, require_small, small_disk
from tests.real_parts.waiting import wait_until
from tests.system.installation import Rest
from tests.system.speaking import now_us

BROKER_MB, ALL_MB = 60, 140
ORDERS: Final = (("all",), ("broker", "all"), ("all", "broker")) if LONG else (("all",),)
"""In which order disks are filled, and freed; `all` alone is one disk for broker, databases and journal."""
WITHIN_S: Final = 30
KILLS: Final = 8 if LONG else 4
API, GATEWAY, AUTH_CALLOUT = "runtime.api_role", "runtime.gateway_role", "runtime.broker.auth_callout_role"


@dataclass
class Lamp:
    """Publishes with QoS 1, on a connection of its own each time it was cut."""

    town: Embedded
    login: Login
    name: str = "L1"
    seq: int = 0

    def confirmed(self) -> bool:
        """Whether the broker acknowledges a message on a fresh connection."""
        broker = self.town.as_broker(self.login)
        try:
            with rough(broker, self.login.user, patience_s=1.5) as link:
                return self.publish(link, 1)
        except (OSError, AssertionError):
            return False

    def publish(self, link: Rough, number: int, note: str = "") -> bool:
        """Whether all were acknowledged."""
        return all(link.publish(self._topic, self._message(note)) for _ in range(number))

    @property
    def _topic(self) -> bytes:
        return f"city/v1/kl/streetlight/{self.name}/telemetry".encode()

    def _message(self, note: str) -> bytes:
        self.seq += 1
        body = {
            "v": 1,
            "device_id": self.name,
            "ts": rfc3339(now_us()),
            "boot_id": "b1",
            "seq": self.seq,
            "level_pct": 40,
        }
        return json.dumps({**body, "note": note} if note else body).encode()


def _readyz(town: Embedded) -> dict[str, Any]:
    answer: dict[str, Any] = Rest(f"http://127.0.0.1:{town.http_port}", "").call("GET", "/readyz")[1]
    return answer


def ready(town: Embedded) -> bool:
    """Whether `/readyz` says so."""
    try:
        return bool(_readyz(town)["ready"])
    except OSError:
        return False


@contextmanager
def _disks(folder: Path, names: tuple[str, ...]) -> Iterator[dict[str, Path]]:
    with ExitStack() as stack:
        data = stack.enter_context(small_disk(folder, ALL_MB))
        found = {"all": data}
        if "broker" in names:
            found["broker"] = stack.enter_context(small_disk(data / "broker", BROKER_MB))
        require_small(data)
        yield found


@pytest.mark.timeout(200)
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_broker_that_keeps_its_write_error_is_started_again(
    tmp_path: Path, report: Report, order: tuple[str, ...]
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    with _disks(tmp_path / "data", order) as disks, embedded(tmp_path / "data", ["L1"], logs) as (town, logins):
        lamp = Lamp(town, logins["L1"])
        wait_until(lambda: answers(town.http_port) and ready(town), timeout_s=40, what="ready")
        assert lamp.confirmed()
        fillers = []
        for name in order:
            fillers.append(fill(disks[name]))
            wait_until(lambda: not (lamp.confirmed() and ready(town)), timeout_s=60, what=f"{name} is full")
        wait_until(lambda: not lamp.confirmed(), timeout_s=30, what="the broker takes no messages")
        broker_log = tmp_path / "data" / "broker" / "nats.log"
        wait_until(lambda: not ready(town), timeout_s=60, what="it is told")
        for filler in fillers:
            filler.unlink()
        began = time.monotonic()
        wait_until(lamp.confirmed, timeout_s=60, what="the broker takes messages again")
        takes_s = time.monotonic() - began
        wait_until(lambda: ready(town), timeout_s=60, what="ready again")
        ready_s = time.monotonic() - began
        restarts = town.said().count("broker says of itself") + town.said().count("broker takes no message")
        assert broker_log.exists()
    report("F11", f"disk full and free again, without a hand: {', '.join(order)}", "embedded", None,
           broker_restarts=restarts, takes_again_s=round(takes_s, 1), ready_again_s=round(ready_s, 1))  # fmt: skip
    assert takes_s <= WITHIN_S
    assert ready_s <= WITHIN_S


@contextmanager
def _impostor(port: int) -> Iterator[None]:
    """Another broker, that knows no login of ours."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def bound() -> bool:
            with suppress(OSError):
                listener.bind(("127.0.0.1", port))
                return True
            return False

        wait_until(bound, what="the port is free")
        listener.listen(16)
        listener.settimeout(0.2)
        stop = threading.Event()

        def refuse() -> None:
            while not stop.is_set():
                with suppress(OSError):
                    link, _ = listener.accept()
                    with link:
                        link.settimeout(1)
                        link.recv(4096)
                        link.sendall(b"\x20\x02\x00\x05")

        thread = threading.Thread(target=refuse)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.timeout(200)
def test_a_broker_whose_port_another_program_took_is_told_as_that(tmp_path: Path, report: Report) -> None:
    with embedded(tmp_path / "data", ["L1"]) as (town, logins):
        wait_until(lambda: answers(town.http_port) and ready(town), timeout_s=40, what="ready")
        os.kill(town.child("nats-server"), signal.SIGKILL)
        with _impostor(town.port):
            sentence = SENTENCES[SystemFault.PORT_TAKEN].text()
            wait_until(lambda: _readyz(town)["summary"] == sentence, timeout_s=60, what="it is told")
            (reason,) = [text for text in _readyz(town)["reasons"] if text.startswith("process/")]
            assert f":{town.port}" in reason
        began = time.monotonic()
        wait_until(Lamp(town, logins["L1"]).confirmed, timeout_s=60, what="the broker is back")
        again_s = time.monotonic() - began
        wait_until(lambda: ready(town), timeout_s=60, what="ready again")
        told = town.said().count("auth_callout_connection")
    report("F02", "another program takes the broker's port: told as that, and back when it is free", "embedded", None,
           takes_again_s=round(again_s, 1), callout_lines=told)  # fmt: skip
    assert told < 50, "what repeats is bounded"
    assert again_s <= WITHIN_S


@pytest.mark.timeout(200)
def test_one_that_dies_again_and_again_is_told_and_takes_nobody_with_it(tmp_path: Path, report: Report) -> None:
    with embedded(tmp_path / "data", ["L1"]) as (town, logins):
        wait_until(lambda: answers(town.http_port) and ready(town), timeout_s=40, what="ready")
        others = {name: town.child(name) for name in (API, GATEWAY)}
        killed: set[int] = set()
        while len(killed) < KILLS:
            wait_until(lambda: town.child(AUTH_CALLOUT) not in {0, *killed}, timeout_s=40, what="it is started again")
            pid = town.child(AUTH_CALLOUT)
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        sentence = SENTENCES[SystemFault.PROCESS_DIES].text()
        wait_until(lambda: _readyz(town)["summary"] == sentence, timeout_s=30, what="it is told")
        began = time.monotonic()
        wait_until(Lamp(town, logins["L1"]).confirmed, timeout_s=40, what="devices are let in again")
        again_s = time.monotonic() - began
        assert others == {name: town.child(name) for name in others}, "nobody else was ended"
        (reason,) = [text for text in _readyz(town)["reasons"] if text.startswith("process/")]
    report("F02", f"auth callout killed {KILLS} times in a row: told, and started again", "embedded", None,
           told=reason.partition(" since")[0], lets_in_again_s=round(again_s, 1))  # fmt: skip
    assert again_s <= WITHIN_S
