"""A01 to A03: hostile payloads, sizes and topics: each ends in the store or as dead letter, and nobody else notices."""

import json
import random
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.message_ledger import LedgerLine, MessageLedger
from benchmarks.parts.cost import pss_mb
from devices.time_us import MINUTE_US, rfc3339
from gateway.decode import MAX_PAYLOAD_BYTES
from storage.registry.engine import open_registry
from tests.faults.account import newest_age_s, settle
from tests.faults.conftest import Report
from tests.faults.publishing import LONG, publishing
from tests.faults.rough import MOST, rough
from tests.fuzz.hostile import KINDS, TOPICS, deranged, device_of, recorded, text_of, zoo_of
from tests.real_parts.brokers import Broker, NatsBroker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running
from tests.system.speaking import now_us

HOSTILE = 10_000
RATE = 200
LATEST_S = 5
"""Generous: the newest sample of 50 lamps is asked for one after the other, while two processors are busy."""
LARGE = 10_000 if LONG else 200
pytestmark = pytest.mark.timeout(1800 if LONG else 150)


def test_hostile_payloads_end_as_dead_letters_and_delay_nobody(
    broker: Broker, tmp_path: Path, chance: random.Random, report: Report
) -> None:
    hostile = _hostile(chance, HOSTILE if LONG or broker.name == "mosquitto" else HOSTILE // 10)
    with running(tmp_path, broker) as town:
        _register_each_kind(town)
        pid = town.gateway.pid
        with publishing(town, RATE) as fleet:
            fleet.wait_for_more(RATE)
            _publish(broker, hostile)
            late_s = sorted(newest_age_s(town, name) for name in fleet.sent)
        lines = _wait_judged(town, len(hostile) + fleet.number)
        others = lines["streetlight"].received - lines["streetlight"].duplicate - fleet.number
        account = settle(town, fleet, others=others, other_samples=_samples(town) - fleet.number)
        assert (town.gateway.pid, town.said("mqtt_disconnected")) == (pid, False)
    letters = sum(line.dead_letter for line in lines.values())
    assert letters > 0.7 * len(hostile), "so much for hostile"
    p99_s = quantiles(late_s, n=100)[-1]
    assert account.stored == account.confirmed == account.sent == fleet.number
    report("A01", f"{len(hostile)} hostile payloads among good ones", f"{broker.name}-sqlite", account,
           hostile_dead_letters=letters, others_p99_s=round(p99_s, 2))  # fmt: skip
    assert p99_s <= LATEST_S


def test_large_messages_are_taken_or_refused_and_memory_stays(
    mosquitto: Broker, tmp_path: Path, report: Report
) -> None:
    head = {"v": 1, "device_id": "L01", "boot_id": "b1", "level_pct": 40}
    with running(tmp_path, mosquitto) as town:
        _register_each_kind(town)
        with publishing(town, RATE) as fleet:
            fleet.wait_for_more(RATE)
            before_mb = highest_mb = pss_mb(town.gateway.pid)
            for start in range(0, LARGE, 50):
                bodies = [head | {"seq": seq, "ts": rfc3339(now_us() + seq)} for seq in range(start, start + 50)]
                _publish(mosquitto, [(_topic("L01"), _padded(body, MAX_PAYLOAD_BYTES)) for body in bodies])
                highest_mb = max(highest_mb, pss_mb(town.gateway.pid))
            _publish(mosquitto, [(_topic("L01"), _padded(head, 300 * 1024))])
        lines = _wait_judged(town, LARGE + 1 + fleet.number)
        letters = town.rest.letters("L01")
    report("A02", f"{LARGE} messages of 256 KiB, one of 300 KiB", "mosquitto-sqlite",
           pss_mb=f"{before_mb:.0f}, at most {highest_mb:.0f}")  # fmt: skip
    assert letters == {"too_large": 1}
    assert lines["streetlight"].stored == LARGE + fleet.number
    assert highest_mb < before_mb + 100


def test_announced_length_of_256_mb_is_refused_by_the_broker(
    nats: NatsBroker, tmp_path: Path, unique_id: str, report: Report
) -> None:
    with running(tmp_path, nats) as town:
        _register_each_kind(town)
        before_mb = pss_mb(town.gateway.pid), pss_mb(nats.server.pid)
        with rough(nats, unique_id) as client:
            let_through = client.announce(_topic("L01"), MOST, send=50_000_000)
            assert client.closed()
        after_mb = pss_mb(town.gateway.pid), pss_mb(nats.server.pid)
        with publishing(town, RATE, lamps=5) as fleet:
            fleet.wait_for_more(50)
        account = settle(town, fleet)
    assert account.stored == account.sent
    report("A02", "a length of 256 MB announced", "nats-sqlite", account, bytes_let_through=let_through)
    assert let_through < 10_000_000
    assert max(after - before for before, after in zip(before_mb, after_mb, strict=True)) < 40


def test_hostile_topics_reach_nobody_elses_records(
    broker: Broker, tmp_path: Path, unique_id: str, report: Report
) -> None:
    good = next(one for one in recorded(now_us()) if one.topic == _topic("L01"))
    topics = [topic for topic in TOPICS if len(topic) <= 65_535] + [_topic("stranger-1"), _topic("L02")]
    with running(tmp_path, broker) as town:
        _register_each_kind(town)
        town.register("kl", ["L02"])
        pid, taken = town.gateway.pid, 0
        for number, topic in enumerate(topics):
            with rough(broker, f"{unique_id}-{number}", patience_s=1) as client:
                taken += client.publish(topic, text_of(good.pairs))
        with publishing(town, RATE, lamps=5) as fleet:
            fleet.wait_for_more(100)
        wait_until(lambda: sum(town.rest.letters("L02").values()) == 1, what="the letter of the last topic")
        lines = _wait_judged(town, fleet.number + 1)
        assert (town.gateway.pid, town.said("mqtt_disconnected")) == (pid, False)
        assert town.rest.letters("L02") == {"wrong_device": 1}
        assert {asset: _rows(town, asset) for asset in ("L01", "L02")} == {"L01": 0, "L02": 0}
    stored = sum(line.stored for line in lines.values())
    assert stored == fleet.number
    assert 0 < taken < len(topics), "a broker refuses some itself"
    letters = sum(line.dead_letter for line in lines.values())
    report("A03", f"{len(topics)} hostile topics", f"{broker.name}-sqlite", refused_by_broker=len(topics) - taken,
           dead_letters=letters)  # fmt: skip


def _hostile(chance: random.Random, number: int) -> list[tuple[bytes, bytes]]:
    good = list(recorded(now_us()))
    sent = [(one.topic, payload) for one in chance.sample(good, 5) for payload in zoo_of(one)]
    sent += [(one.topic, deranged(one, chance)) for one in chance.choices(good, k=number - len(sent))]
    chance.shuffle(sent)
    return sent


def _register_each_kind(town: Installation) -> None:
    registry = open_registry(town.registry_url, migrate=False)
    try:
        with registry.write() as tx:
            assets = [Asset(device_of(kind), "kl", kind, kind, now_us()) for kind in KINDS]
            bindings = [DeviceBinding(device_of(kind), device_of(kind), "kl", kind, 0) for kind in KINDS]
            tx.get(AssetRepository).add_many(assets, bindings)
    finally:
        registry.close()


def _publish(broker: Broker, sent: list[tuple[bytes, bytes]]) -> None:
    client = Client(CallbackAPIVersion.VERSION2, "hostile", protocol=MQTTv311)
    client.username_pw_set(broker.device.user, broker.device.password)
    client.max_inflight_messages_set(200)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        for said in [client.publish(topic.decode(), payload, 1) for topic, payload in sent]:
            said.wait_for_publish(60)
            assert said.is_published(), "the broker has it"
    finally:
        client.disconnect()
        client.loop_stop()


def _wait_judged(town: Installation, number: int) -> dict[str, LedgerLine]:
    """The ledger's lines of messages by kind, the brigade's too, once so many are judged and all is stored."""
    registry = open_registry(town.registry_url, migrate=False)
    found: dict[str, LedgerLine] = {}

    def judged() -> bool:
        nonlocal found
        with registry.read() as tx:
            lines = tx.get(MessageLedger).lines()
        found = {line.kind: line for line in lines if line.unit == "messages" and line.kind != "canary"}
        return sum(line.received for line in found.values()) >= number and not any(x.in_journal for x in found.values())

    try:
        wait_until(judged, timeout_s=60, what=f"{number} judged")
    finally:
        registry.close()
    for line in found.values():
        assert line.received == line.stored + line.duplicate + line.conflict + line.dead_letter, line
    return found


def _samples(town: Installation) -> int:
    return int(town.rest.ledger("streetlight", "samples")["stored"])


def _rows(town: Installation, asset_id: str) -> int:
    return len(town.rest.samples(asset_id, now_us() - 10 * MINUTE_US, fields="level_pct"))


def _topic(device_id: str) -> bytes:
    return f"city/v1/kl/streetlight/{device_id}/telemetry".encode()


def _padded(body: dict[str, Any], size: int) -> bytes:
    bare = json.dumps(body | {"note": ""}).encode()
    return json.dumps(body | {"note": "y" * (size - len(bare))}).encode()
