"""What hangs and does not die: seen by readiness, ended loudly, at the latest 60 s after it began."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Installation, running

WITHIN_S = 60
HANGS = """
import sys, threading, time
from gateway.watched_loops import WatchedLoop, WatchedLoops
from runtime.hang_watchdog import HangWatchdog

def waits_for_ever():
    threading.Event().wait()

loops, hanging = WatchedLoops(), HangWatchdog()
loops.start(WatchedLoop("stuck", waits_for_ever, 0, patience_s=0.5))
while True:
    time.sleep(0.05)
    loop = loops.stuck()
    hanging.end_when_hanging(None if loop is None else f"loop {loop.name}")
"""
pytestmark = pytest.mark.timeout(180)


def test_a_thread_that_hangs_ends_the_program_and_shows_where_it_stands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "loop stuck" in done.stdout + done.stderr
    assert "in waits_for_ever" in done.stderr


def test_a_hanging_store_thread_and_a_hanging_receiver_end_their_gateways(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path
) -> None:
    """Both at once, as each takes three quarters of a minute."""
    with trickling_server() as url, running(tmp_path / "frozen", mosquitto) as frozen:
        slow = Installation(tmp_path / "slow", mosquitto, replace(influxdb, url=url), f"t{secrets.token_hex(6)}")
        try:
            slow.start()
            began = time.monotonic()
            receiver = frozen.receiver_pid()
            os.kill(receiver, signal.SIGSTOP)
            for town, fault in ((slow, SystemFault.LOOP_STUCK), (frozen, SystemFault.RECEIVER_SILENT)):
                _wait_for(lambda town=town, fault=fault: SENTENCES[fault].text() in _summary(town), fault, began)
            for town in (slow, frozen):
                _wait_for(lambda town=town: not town.gateway.running(), f"the end of {town.folder.name}", began)
            assert slow.said("loop store")
            assert slow.said("Current thread")
            assert frozen.said("the telemetry receiver: silent")
            assert not Path(f"/proc/{receiver}").exists(), "what hangs is not left behind with its lock"
            frozen.start_gateway()
            _wait_for(lambda: _summary(frozen) == "Everything works.", "all is well", time.monotonic())
        finally:
            slow.stop()


def _wait_for(condition: object, what: object, began: float) -> None:
    assert callable(condition)
    wait_until(condition, timeout_s=WITHIN_S - (time.monotonic() - began), what=str(what))
    print(f"\n{what} after {time.monotonic() - began:.1f} s")  # noqa: T201 - the figure is the point


def _summary(town: Installation) -> str:
    return str(town.rest.call("GET", "/readyz")[1]["summary"])


@contextmanager
def trickling_server() -> Iterator[str]:
    """Answers each request with a byte a second, for ever: no time-out of a client's socket ends that."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        threads: list[threading.Thread] = []

        def answer(link: socket.socket) -> None:
            with link:
                link.recv(65_536)
                try:
                    link.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not ended.wait(1):
                        link.sendall(b"x")
                except OSError:
                    return

        def accept() -> None:
            while not ended.is_set():
                try:
                    link, _ = listener.accept()
                except TimeoutError:
                    continue
                threads.append(threading.Thread(target=answer, args=(link,)))
                threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            for thread in (acceptor, *threads):
                thread.join()
