"""A10: silent, slow and endless clients on each port of the running program; everybody else goes on as before."""

import socket
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import pytest

from benchmarks.parts.cost import open_things, pss_mb
from tests.faults.conftest import Report
from tests.faults.embedded import embedded
from tests.faults.rough import rough
from tests.faults.test_stuck import API, AUTH_CALLOUT, GATEWAY, Lamp
from tests.real_parts.ports import answers
from tests.real_parts.waiting import wait_until

ATTACKERS: Final = tuple(f"127.0.1.{n}" for n in range(1, 6))
NUMBER: Final = 1000
MOST: Final = 500
"""Connections to the broker, ours among them; the attack brings twice as many."""
FEW: Final = {"BROKER__MAX_CONNECTIONS": MOST}
ASKED: Final = 100
WITHIN_S: Final = 1.0


class Flood:
    """Keeps so many connections to a port, from five addresses, and opens another for each that is cut."""

    def __init__(self, port: int, words: bytes = b"", dribble: bytes = b"") -> None:
        self._port = port
        self._words = words
        self._dribble = dribble
        self._links: list[socket.socket] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="flood")
        self.opened = 0

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.opened >= NUMBER, timeout_s=20, what="the flood")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for link in self._links:
            link.close()

    def _keep(self) -> None:
        while not self._stop.wait(0.2):
            self._links = [link for link in self._links if self._lives(link)]
            at_once = 100 if self.opened < NUMBER else 20
            for _ in range(min(at_once, NUMBER - len(self._links))):
                with suppress(OSError):
                    self._open()

    def _open(self) -> None:
        source = ATTACKERS[self.opened % len(ATTACKERS)]
        self.opened += 1
        link = socket.create_connection(("127.0.0.1", self._port), timeout=2, source_address=(source, 0))
        self._links.append(link)
        link.settimeout(0)
        link.send(self._words)

    def _lives(self, link: socket.socket) -> bool:
        try:
            if link.recv(65_536):
                raise ConnectionError
            alive = False
        except BlockingIOError:
            alive = True
        except OSError:
            alive = False
        if alive and self._dribble:
            with suppress(OSError):
                link.send(self._dribble)
        if not alive:
            link.close()
        return alive


def _slowest(call: Callable[[], object], times: int = ASKED) -> float:
    """The 99th percentile of so many calls, seconds."""
    took = []
    for _ in range(times):
        began = time.monotonic()
        call()
        took.append(time.monotonic() - began)
    return statistics.quantiles(took, n=100)[98]


def _get(port: int, path: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        answer.read()


@contextmanager
def _floods(floods: Sequence[Flood]) -> Iterator[None]:
    with ExitStack() as stack:
        for flood in floods:
            stack.enter_context(flood)
        yield


@pytest.mark.timeout(180)
def test_a_thousand_silent_or_slow_connections_on_each_port_harm_nobody(tmp_path: Path, report: Report) -> None:
    with ExitStack() as held, embedded(tmp_path / "data", ["L1", "L2"], more=FEW) as (town, logins):
        lamp, other = Lamp(town, logins["L1"]), Lamp(town, logins["L2"], "L2")
        wait_until(lambda: answers(town.http_port) and answers(town.metrics_port), timeout_s=40, what="all ports")
        wait_until(lamp.confirmed, timeout_s=10, what="a lamp is in")
        link = held.enter_context(rough(town.as_broker(lamp.login), lamp.login.user, patience_s=10))
        pids = {name: town.child(name) for name in (API, GATEWAY, AUTH_CALLOUT)}
        calls: dict[str, Callable[[], object]] = {
            "api": lambda: _get(town.http_port, "/healthz"),
            "metrics": lambda: _get(town.metrics_port, "/metrics"),
            "publish": lambda: lamp.publish(link, 1),
        }
        before = {name: _slowest(call) for name, call in calls.items()}
        memory = {name: pss_mb(pid) for name, pid in pids.items()}
        said = len(town.said())
        floods = [
            Flood(town.port),
            Flood(town.http_port, b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
            Flood(town.http_port, b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Flood(town.metrics_port),
        ]
        with _floods(floods):
            during = {name: _slowest(call) for name, call in calls.items()}
            wait_until(other.confirmed, timeout_s=10, what="a lamp comes in although all places were taken")
            grown = {name: pss_mb(pid) - memory[name] for name, pid in pids.items()}
            descriptors = {name: open_things(pid)[0] for name, pid in pids.items()}
        assert pids == {name: town.child(name) for name in pids}, "nothing was restarted"
        logged = len(town.said()) - said
    opened = [flood.opened for flood in floods]
    report("A10", f"{NUMBER} silent or slow connections on each port, {MOST} places at the broker", "embedded", None,
           opened=opened, p99_ms={n: f"{before[n] * 1e3:.0f} → {during[n] * 1e3:.0f}" for n in calls},
           grown_mb={n.rpartition(".")[2]: round(mb) for n, mb in grown.items()}, logged_kb=logged // 1024,
           descriptors={n.rpartition(".")[2]: number for n, number in descriptors.items()})  # fmt: skip
    assert min(opened) >= NUMBER
    assert max(during.values()) <= WITHIN_S
    assert max(grown.values()) <= 32
    assert logged < 200_000
