"""Simulators on real brokers: what they say they sent is what arrives, and they obey."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.load import generate_load
from simulators.options import BrokerAddress, FaultOptions, SimulationOptions
from simulators.run import run_simulation
from simulators.simulation import SimulationTotals
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until


@dataclass
class Ear:
    """Hears everything of one tenant and may speak to its devices."""

    client: mqtt.Client
    heard: list[tuple[str, bytes, bool]] = field(default_factory=list)

    def bodies(self, tail: str) -> list[dict[str, Any]]:
        """Decoded payloads of topics with this end, in order."""
        return [json.loads(payload) for topic, payload, _ in list(self.heard) if topic.endswith(tail)]

    def say(self, topic: str, **body: Any) -> None:
        """Publish at QoS 1."""
        self.client.publish(topic, json.dumps({"v": 1, **body}), qos=1).wait_for_publish(5)


@contextmanager
def listening(broker: Broker, tenant: str) -> Iterator[Ear]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"ear-{tenant}")
    client.username_pw_set(broker.gateway.user, broker.gateway.password)
    ear, ready = Ear(client), threading.Event()
    client.on_message = lambda _c, _d, m: ear.heard.append((m.topic, bytes(m.payload), m.retain))
    client.on_subscribe = lambda *_: ready.set()
    client.on_connect = lambda c, *_: c.subscribe(f"city/v1/{tenant}/#", 1)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert ready.wait(10)
        yield ear
    finally:
        client.disconnect()
        client.loop_stop()


def address(broker: Broker) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, broker.device.user, broker.device.password)


def lamps(broker: Broker, tenant: str, **more: Any) -> SimulationOptions:
    return SimulationOptions(kind="streetlight", broker=address(broker), tenant=tenant, interval_s=0.5, **more)


@contextmanager
def simulating(options: SimulationOptions) -> Iterator[list[SimulationTotals]]:
    """Runs in a thread until the end of the block; its totals are then in the list."""
    stop, totals = threading.Event(), list[SimulationTotals]()
    thread = threading.Thread(target=lambda: totals.append(run_simulation(options, stop)))
    thread.start()
    try:
        yield totals
    finally:
        stop.set()
        thread.join(20)


def command(name: str, **body: Any) -> dict[str, Any]:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    head = {"command_id": name, "name": "dim", "issuer": "test", "deliver_by": soon.isoformat()}
    return head | {"until": (soon + timedelta(hours=1)).isoformat()} | body


def truth_of(path: Path) -> tuple[list[dict[str, Any]], set[int]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [x for x in lines if x["type"] == "message"], {x["n"] for x in lines if x["type"] == "confirmed"}


def test_a_street_is_dimmed_by_group_and_single_lamps_by_name(broker: Broker, unique_id: str) -> None:
    base = f"city/v1/{unique_id}/streetlight"
    with listening(broker, unique_id) as ear, simulating(lamps(broker, unique_id)):
        wait_until(lambda: len({b["device_id"] for b in ear.bodies("/state")}) == 10)
        ear.say(f"city/v1/{unique_id}/group/fauthweg/cmd/dim", **command("g1", level_pct=40, ack_spread_s=0.5))
        wait_until(lambda: sum(a["status"] == "applied" for a in ear.bodies("/ack")) == 10)
        ear.say(f"{base}/L02/cmd/dim", **command("s1", level_pct=90))
        wait_until(lambda: ear.bodies("L02/state")[-1]["applied_command_id"] == "s1")
        ear.say(f"{base}/L02/cmd/cancel", command_id="s1")
        wait_until(lambda: ear.bodies("L02/ack")[-1].get("reason") == "cancelled")
        ear.say(f"{base}/L03/config", version=4, groups=["other"])
        wait_until(lambda: ear.bodies("L03/state")[-1].get("config_version") == 4)
        assert ear.bodies("L03/state")[-1]["command"]["level_pct"] == 40
    assert {a["device_id"] for a in ear.bodies("/ack") if a["command_id"] == "g1"} == {f"L{n:02}" for n in range(1, 11)}


def test_a_connector_speaks_for_lamps_hears_for_them_and_says_when_it_comes_and_goes(
    broker: Broker, unique_id: str
) -> None:
    box = f"city/v1/{unique_id}/cabinet/box"
    with listening(broker, unique_id) as ear, simulating(lamps(broker, unique_id, behind="cabinet/box")):
        wait_until(lambda: len({b["device_id"] for b in ear.bodies("/telemetry")}) == 10)
        ear.say(f"{box}/member/streetlight/L02/cmd/dim", **command("s1", level_pct=90))
        wait_until(lambda: ear.bodies("L02/state")[-1].get("applied_command_id") == "s1")
        ear.say(f"{box}/member/streetlight/L03/config", version=4, groups=["other"])
        wait_until(lambda: ear.bodies("L03/state")[-1].get("config_version") == 4)
    said = [topic for topic, _, _ in ear.heard if not topic.endswith(("/cmd/dim", "/config"))]
    assert {topic for topic in said if not topic.startswith(f"{box}/member/streetlight/L")} == {f"{box}/status"}
    wait_until(lambda: [s["state"] for s in ear.bodies("/box/status")] == ["online", "offline"])


def test_what_the_truth_says_is_what_arrives(broker: Broker, unique_id: str, tmp_path: Path) -> None:
    faults = FaultOptions(drop=0.1, duplicate=0.1, reorder=0.1, reboot=0.02, garbage=0.05)
    options = lamps(broker, unique_id, truth=tmp_path / "truth.jsonl", faults=faults, history_s=600, duration_s=3)
    with listening(broker, unique_id) as ear:
        totals = run_simulation(options, threading.Event())
        messages, confirmed = truth_of(tmp_path / "truth.jsonl")
        sent = [m for m in messages if "drop" not in m["faults"]]
        assert len(sent) == totals.sent == totals.confirmed == len(confirmed)
        wait_until(lambda: len(ear.heard) >= len(sent))
    expected = Counter((m["topic"], m["sha256"]) for m in sent)
    assert Counter((topic, sha256(payload).hexdigest()) for topic, payload, _ in ear.heard) >= expected
    seen = Counter(fault for m in messages for fault in m["faults"])
    assert {"drop", "duplicate", "reorder", "garbage", "batch"} <= set(seen)


def test_a_broken_connection_publishes_the_will_and_comes_back_with_a_batch(broker: Broker, unique_id: str) -> None:
    faults = FaultOptions(outage_every_s=1.5, outage_for_s=2)
    options = replace(lamps(broker, unique_id, count=1, faults=faults), interval_s=0.2)
    with listening(broker, unique_id) as ear, simulating(options):
        expected = ["online", "offline", "online"]
        wait_until(lambda: [b["state"] for b in ear.bodies("/status")][:3] == expected, timeout_s=20)
        wait_until(lambda: any("batch" in b for b in ear.bodies("/telemetry")))
    seqs = {s["seq"] for b in ear.bodies("/telemetry") for s in b.get("batch", [b])}
    seqs |= {b["seq"] for tail in ("/state", "/info") for b in ear.bodies(tail)}
    missing = set(range(max(seqs))) - seqs
    assert len(missing) <= 3, "only states that a newer one replaced while the link was down"


def test_many_lamps_share_few_connections(broker: Broker, unique_id: str) -> None:
    options = lamps(broker, unique_id, count=300, connections=3)
    with listening(broker, unique_id) as ear, simulating(options) as totals:
        wait_until(lambda: len({b["device_id"] for b in ear.bodies("/telemetry")}) == 300, timeout_s=20)
        asked = command("c", level_pct=55)

        def answered() -> bool:
            # A lamp may speak before the broker has its subscription: as the dispatcher does, say it again.
            ear.say(f"city/v1/{unique_id}/streetlight/lamp-00299/cmd/dim", **asked)
            time.sleep(0.2)
            return bool(ear.bodies("lamp-00299/ack"))

        wait_until(answered)
    assert totals[0].commands >= 1


def test_a_load_keeps_its_rate_and_loses_nothing(broker: Broker, unique_id: str, tmp_path: Path) -> None:
    options = lamps(broker, unique_id, count=100, duration_s=2, truth=tmp_path / "truth.jsonl")
    with listening(broker, unique_id) as ear:
        totals = generate_load(options, 1000, 1, threading.Event())
        assert totals.sent == totals.confirmed
        telemetry = totals.sent - 300
        assert telemetry == pytest.approx(2000, rel=0.1)
        wait_until(lambda: len(ear.heard) >= totals.sent, timeout_s=20)
    samples = ear.bodies("/telemetry")
    assert len({(s["device_id"], s["ts"]) for s in samples}) == telemetry
    assert len({(s["device_id"], s["seq"]) for s in samples}) == telemetry


def test_the_command_line_ends_in_good_order_when_asked(broker: Broker, unique_id: str) -> None:
    where = f"mqtt://{broker.device.user}:{broker.device.password}@{broker.host}:{broker.port}"
    line = [sys.executable, "-m", "simulators", "streetlight", "--count", "2", "--tenant", unique_id, "--broker", where]
    with listening(broker, unique_id) as ear:
        process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."})
        try:
            wait_until(lambda: len(ear.bodies("/state")) >= 2, timeout_s=30)
            process.terminate()
            told, _ = process.communicate(timeout=20)
        finally:
            process.kill()
            process.communicate()
        wait_until(lambda: [b["state"] for b in ear.bodies("/status")].count("offline") == 2)
    assert process.returncode == 0
    assert "0 dropped on purpose" in told
