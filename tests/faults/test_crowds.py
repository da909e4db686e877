"""A10, F20: connections opened and closed as fast as it goes, wills by the thousand, a town's lamps all at once."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from application.commands.command_filing import CommandOrigin, file_command
from application.commands.command_request import CommandRequest
from application.ports.inventory import AssetRepository
from benchmarks.fleet import Fleet, lamps
from benchmarks.parts.cost import open_things, pss_mb
from devices.kind_catalog import discover_kinds
from devices.time_us import rfc3339
from tests.faults.churning import MODES, WILL
from tests.faults.conftest import Report
from tests.faults.publishing import LONG
from tests.faults.rough import Rough, rough
from tests.faults.test_flood import TOWNS, Town, pauses
from tests.real_parts.brokers import Broker, Login
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT
from tests.system.speaking import now_us

SECONDS: Final = 30 if LONG else 4
EVERY_S: Final = 0.02
LATE_S: Final = 3.0
"""Generous: who churns takes one of two cores, and the broker the other."""
COMES_IN_S: Final = 20.0
CERTAIN: Final = 700
"""So many wills are beyond what a login may say at once, 32 MiB."""
LOGGED_KB: Final = 100
"""Of the program's own words; a broker's log ends at 16 MB, and mosquitto's by the means of whoever starts it."""
OURS: Final = ("up.log", "gateway.log", "api.log", "sync.log")
THEIRS: Final = ("nats.log", "mosquitto.log")
CATALOG: Final = discover_kinds()
BASE: Final = "city/v1/kl/streetlight/L1"
LAMPS: Final = 1200 if LONG else 300
"""With QoS 1 each of them takes five consumers, of which a stream has 1,000 by default."""
DEVICES: Final = tuple(f"lamp-{n:04}" for n in range(LAMPS))
BACK_S: Final = 60
pytestmark = pytest.mark.timeout(SECONDS * 4 + (400 if LONG else 200))


@pytest.fixture(scope="module", params=list(TOWNS))
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with TOWNS[request.param](tmp_path_factory.mktemp(request.param) / "town", {}, ["L1", "L2", *DEVICES]) as running:
        yield running


@dataclass
class Seen:
    """What everybody else had of it."""

    publish_s: list[float] = field(default_factory=list)
    command_s: list[float] = field(default_factory=list)
    comes_in_s: list[float] = field(default_factory=list)

    @property
    def p99_s(self) -> float:
        return statistics.quantiles(self.publish_s, n=100)[98]


class Others:
    """Two lamps: one speaks and is commanded, one comes in anew."""

    def __init__(self, town: Town, lamp: Rough) -> None:
        self._town, self._lamp = town, lamp
        self._seq = 0

    def watch(self, process: "subprocess.Popen[str] | None" = None) -> Seen:
        """For as long as the process churns, once without one."""
        seen = Seen()
        while True:
            for _ in range(20):
                seen.publish_s.append(_took(self._publish))
                time.sleep(EVERY_S)
            seen.command_s.append(_took(self._command))
            seen.comes_in_s.append(_took(self._come_in))
            if process is None or process.poll() is not None:
                return seen

    def _publish(self) -> None:
        self._seq += 1
        body = {"v": 1, "device_id": "L1", "ts": rfc3339(now_us()), "boot_id": "b1", "seq": self._seq, "level_pct": 40}
        assert self._lamp.publish(f"{BASE}/telemetry".encode(), json.dumps(body).encode()), "the others are heard"

    def _command(self) -> None:
        wire_id = _dim(self._town, "L1")
        for _, payload in self._lamp.received():
            if json.loads(payload).get("command_id") == wire_id:
                return
        raise AssertionError("the command did not come")

    def _come_in(self) -> None:
        login = self._town.logins["L2"]
        with rough(_as_device(self._town, login), f"{login.user}/anew", patience_s=COMES_IN_S):
            pass


def test_who_comes_and_goes_as_fast_as_it_goes_disturbs_nobody(town: Town, report: Report) -> None:
    login = town.logins["L1"]
    device = _as_device(town, login)
    with rough(device, login.user, patience_s=COMES_IN_S) as lamp:
        assert lamp.subscribe(f"{BASE}/cmd/#")
        others = Others(town, lamp)
        calm = others.watch()
        for mode in MODES:
            _churn(town, mode, others, calm, report)


def _churn(town: Town, mode: str, others: Others, calm: Seen, report: Report) -> None:
    pid = town.broker.server.pid
    before, ours, theirs = open_things(pid)[0], _logged(town, OURS), _logged(town, THEIRS)
    with _churning(town, mode) as process:
        seen = others.watch(process)
        told: dict[str, Any] = json.loads(process.communicate(timeout=30)[0])
    logged_kb, broker_logged_kb = _logged(town, OURS) - ours, _logged(town, THEIRS) - theirs
    back_s = _took(lambda: wait_until(lambda: open_things(pid)[0] <= before + 20, timeout_s=30, what="descriptors"))
    kept_out = any(pause.user == town.login.user for pause in pauses(town))
    report("A10", f"connects and goes for {SECONDS} s as fast as it can: {mode}", f"{town.name}-sqlite", None,
           opened=told["opened"], said=str(told["said"]), publish_p99_ms=f"{_ms(calm.p99_s)} → {_ms(seen.p99_s)}",
           command_ms=f"{_ms(max(calm.command_s))} → at most {_ms(max(seen.command_s))}",
           another_in_ms=f"{_ms(max(calm.comes_in_s))} → at most {_ms(max(seen.comes_in_s))}", logged_kb=logged_kb,
           broker_logged_kb=broker_logged_kb, descriptors_back_s=round(back_s, 1), kept_out=kept_out)  # fmt: skip
    assert town.broker.server.pid == pid
    assert told["opened"] > 10 * SECONDS, "it took place"
    assert seen.p99_s <= LATE_S
    assert max(seen.command_s) <= LATE_S
    assert logged_kb <= LOGGED_KB
    if mode != WILL or told["said"].get("0", 0) > CERTAIN:
        assert kept_out == (mode == WILL), "who sends wills without end says too much"


@pytest.mark.parametrize("qos", [0, 1] if LONG else [1])
def test_the_last_lamp_is_commanded_like_the_first_also_after_a_kill(
    town: Town, tmp_path: Path, report: Report, qos: int
) -> None:
    logins = [town.logins[device] for device in DEVICES]
    with lamps(tmp_path / "logins.jsonl", town.port, logins, qos) as fleet:
        all_in_s, counts = fleet.wait(lambda c: c["connected"] == LAMPS)
        assert (counts["subscribed"], counts["refused_filters"]) == (LAMPS, 0), counts
        reached_s = [_reach(town, fleet, DEVICES[n]) for n in (0, LAMPS - 1)]
        memory_mb = pss_mb(town.broker_pid())
        town.kill_broker()
        fleet.wait(lambda c: c["losses"] >= LAMPS)
        back_s, counts = fleet.wait(lambda c: c["connected"] == LAMPS)
        assert (counts["subscribed"], counts["refused_filters"]) == (LAMPS, 0), counts
        reached_s += [_reach(town, fleet, DEVICES[-1], BACK_S)]
    report("F20", f"{LAMPS} lamps subscribe with QoS {qos}, the last is commanded; broker killed, all back",
           f"{town.name}-sqlite", None, all_in_s=round(all_in_s, 1), back_s=round(back_s, 1),
           refused_connects=counts["refused_connects"], reached_s=[round(s, 1) for s in reached_s],
           broker_pss_mb=round(memory_mb))  # fmt: skip
    assert back_s <= BACK_S


def _reach(town: Town, fleet: Fleet, device: str, longest_s: float = 20) -> float:
    """Seconds until a command was acted upon; raises AssertionError when it was not."""
    done = fleet.counts()["commands"]
    began = time.monotonic()
    _dim(town, device)
    _, counts = fleet.wait(lambda c: c["commands"] > done, longest_s)
    assert counts["commands"] == done + 1, f"{device} got no command"
    return time.monotonic() - began


def _dim(town: Town, device: str) -> str:
    """File a command; its id on the wire."""
    now = now_us()
    with town.registry.write() as tx:
        asset = tx.get(AssetRepository).many([device])[device]
        filed = file_command(
            tx,
            CATALOG,
            asset,
            CommandRequest("dim", {"level_pct": 30}, deliver_within_s=60, duration_s=3600),
            CommandOrigin("test", now),
        )
    return filed.wire_id


def _churning(town: Town, mode: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.faults.churning", "127.0.0.1", str(town.port), mode]
    command += [town.login.user, town.login.password, str(SECONDS)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _as_device(town: Town, login: Login) -> Broker:
    return Broker(name=town.name, host="127.0.0.1", port=town.port, gateway=login, device=login,
                  server=town.broker.server)  # fmt: skip


def _took(call: Any) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _logged(town: Town, names: tuple[str, ...]) -> int:
    """Kilobytes in logs of these names."""
    return sum(path.stat().st_size for name in names for path in town.folder.rglob(name)) // 1024
