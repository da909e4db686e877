"""The demo as a user starts it: data over REST, what dies comes back, nothing is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.broker.login_probe import BrokerListener, broker_admits
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
DATA_S = 120
"""Generous: two processors that others use too. The cold start is measured elsewhere."""
pytestmark = pytest.mark.timeout(400)


class Demo:
    """A running `python -m cli demo`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = claim_port()
        self.broker_port = claim_port()
        self.log = folder.with_suffix(".log")
        command = ["-m", "cli", "demo", "--data-dir", str(folder), "--port", str(self.port), "--hours", "2"]
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("LAUTERN_")},
            "LAUTERN_BROKER__URL": f"mqtt://127.0.0.1:{self.broker_port}",
            "LAUTERN_GATEWAY__METRICS_PORT": str(claim_port()),
            **settings,
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def get(self, path: str, key: str = "") -> dict[str, Any]:
        """Answer of the API; {} while it is not to be had."""
        headers = {}
        if key:
            keys = self.folder / "demo-keys.json"
            if not keys.exists():
                return {}
            headers["Authorization"] = f"Bearer {json.loads(keys.read_text())[key]}"
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
            with urllib.request.urlopen(request, timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
        except (OSError, ValueError):
            return {}
        return found

    def order(self, device: str, name: str, key: str, **arguments: object) -> dict[str, Any]:
        """Have a device do something; the command when it is applied."""
        keys = json.loads((self.folder / "demo-keys.json").read_text())
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {keys[key]}"}
        address = f"http://127.0.0.1:{self.port}/api/v1/devices/{device}/commands?wait=applied"
        body = json.dumps({"name": name, "arguments": arguments}).encode()
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=40) as answer:
            applied: dict[str, Any] = json.load(answer)
        return applied

    def login(self, body: dict[str, str]) -> dict[str, Any]:
        """Who is signed in by that; {} when nobody is."""
        address = f"http://127.0.0.1:{self.port}"
        headers = {"Content-Type": "application/json", "Origin": address}
        try:
            request = urllib.request.Request(f"{address}/api/v1/login", json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
        except OSError:
            return {}
        return found

    def said(self) -> str:
        """What it printed."""
        return self.log.read_text(errors="replace")


@contextmanager
def demo(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Demo]:
    """Run a demo inside the block, with settings as variables; prove at its end that no process of it is left."""
    running = Demo(folder, settings or {})
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
        try:
            running.process.wait(30)
        finally:
            running.process.kill()
            left = processes_of(folder)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
    assert left == {}, running.said()


def processes_of(folder: Path) -> dict[int, str]:
    """Processes by id whose command line or environment names the folder."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            named = str(folder) in line or str(folder).encode() in (place / "environ").read_bytes()
        except OSError:
            continue
        if named and line and int(place.name) != os.getpid():
            found[int(place.name)] = line
    return found


def process_named(folder: Path, word: str) -> int | None:
    """Id of the one process of the folder whose command line holds the word."""
    return next((pid for pid, line in processes_of(folder).items() if word in line), None)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo") / "city") as running:
        yield running


def test_lamps_a_flight_and_an_event_are_there(city: Demo) -> None:
    def there() -> bool:
        assert city.process.poll() is None, city.said()
        lamps = {
            item["id"] for item in city.get("/api/v1/telemetry/latest?kind=streetlight", "operator").get("items", ())
        }
        flights = city.get("/api/v1/flights", "brigade").get("items")
        event = city.get("/api/v1/events/altstadtfest/live", "organiser").get("lines")
        return len(lamps) == 10 and bool(flights) and bool(event)

    wait_until(there, timeout_s=DATA_S, what="lamps, a flight and an event over REST")


def test_a_login_is_good_when_it_is_printed(city: Demo) -> None:
    user = "kaiserslautern/streetlight/my-lamp"
    command = [sys.executable, "-m", "cli", "broker", "add-device", user, "--data-dir", str(city.folder)]
    for _ in range(3):
        password = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        assert broker_admits(BrokerListener("127.0.0.1", city.broker_port), user, password)
    assert not broker_admits(BrokerListener("127.0.0.1", city.broker_port), user, "another")


def test_the_page_is_printed_when_all_is_live(city: Demo) -> None:
    wait_until(lambda: "Ctrl-C ends everything" in city.said(), timeout_s=DATA_S, what="the printed page")
    said = city.said()
    assert f"http://127.0.0.1:{city.port}/docs" in said
    assert said.count("curl -sS") == 3


def test_one_link_signs_in_who_sees_everything(city: Demo) -> None:
    wait_until(lambda: "Lautern runs" in city.said(), timeout_s=DATA_S, what="the printed page")
    found = re.findall(r"http://\S+/sign-in#token=(\S+)", city.said())
    assert len(found) == 1
    signed_in = city.login({"token": found[0]})
    assert signed_in["actor"] == "user:demo"
    assert not signed_in["must_set_password"]
    assert set(signed_in["kinds"]) == {"streetlight", "fire_drone", "event_network"}
    assert city.login({"token": found[0]}) == {}


def test_each_audience_has_a_user_who_sees_his_own(city: Demo) -> None:
    file = city.folder / "demo-users.json"
    assert file.stat().st_mode & 0o777 == 0o600
    people = {name: city.login({"name": name, "password": word}) for name, word in json.loads(file.read_text()).items()}
    assert {name: who["kinds"] for name, who in people.items() if name != "demo"} == {
        "operator": ["streetlight"],
        "brigade": ["fire_drone"],
        "organiser": ["event_network"],
        "viewer": ["event_network", "streetlight"],
    }
    assert people["organiser"]["limits"] == ["event/altstadtfest"]


def test_the_brigades_flights_are_for_the_brigade_only(city: Demo) -> None:
    assert city.get("/api/v1/flights", "brigade")["items"]
    assert city.get("/api/v1/flights", "operator") == {}


def test_a_killed_api_comes_back(city: Demo) -> None:
    before = process_named(city.folder, "runtime.api_role")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(
        lambda: process_named(city.folder, "runtime.api_role") not in {None, before} and bool(city.get("/version")),
        timeout_s=60,
        what="another api",
    )
    assert "api died (killed by SIGKILL)" in city.said()


def test_a_killed_gateway_comes_back(city: Demo) -> None:
    before = process_named(city.folder, "runtime.gateway_role")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(
        lambda: process_named(city.folder, "runtime.gateway_role") not in {None, before},
        timeout_s=60,
        what="another gateway",
    )
    restarted = time.monotonic()
    wait_until(
        lambda: newest_age_s(city) < time.monotonic() - restarted,
        timeout_s=60,
        what="telemetry measured after the restart",
    )


def newest_age_s(city: Demo) -> float:
    """Age of the newest telemetry of the event's nodes."""
    items = city.get("/api/v1/telemetry/latest?kind=event_network", "organiser").get("items", ())
    return min((float(item["age_s"]) for item in items), default=float("inf"))


def test_a_second_one_on_the_same_data_refuses(city: Demo) -> None:
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(city.folder)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert f"process {city.process.pid}" in second.stderr


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with demo(tmp_path / "city") as running:
        wait_until(lambda: bool(running.get("/version")), timeout_s=DATA_S, what="the api")
        assert len(processes_of(running.folder)) >= 5
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 0
        assert processes_of(running.folder) == {}


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with demo(tmp_path / "city") as running:
        wait_until(lambda: bool(running.get("/version")), timeout_s=DATA_S, what="the api")
        running.process.kill()
        running.process.wait(5)
        wait_until(lambda: not processes_of(running.folder), timeout_s=20, what="the end of all parts")
