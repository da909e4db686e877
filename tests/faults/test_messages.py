"""F14, F15, F21: messages that come ten times, in any order, with wild times, or far too many from one device."""

import json
import random
import secrets
from pathlib import Path
from statistics import quantiles

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from tests.faults.account import assert_each_stored_once, newest_age_s
from tests.faults.conftest import Report
from tests.faults.publishing import publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_equal, wait_until
from tests.system.installation import running
from tests.system.speaking import now_us

NOISY_RATE = 1000
pytestmark = pytest.mark.timeout(150)


def test_ten_times_and_in_any_order(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path, chance: random.Random, report: Report
) -> None:
    lamp, first_us = f"t{secrets.token_hex(6)}", now_us() - HOUR_US
    bodies = [_body(lamp, seq, rfc3339(first_us + seq * 10 * SECOND_US), power_w=seq) for seq in range(300)]
    sent = [body for body in bodies for _ in range(10)]
    chance.shuffle(sent)
    with running(tmp_path, mosquitto, influxdb, f"t{secrets.token_hex(6)}") as town:
        town.register("kl", [lamp])
        _say(mosquitto, lamp, sent)
        wait_equal(lambda: town.rest.ledger("streetlight").get("received"), len(sent), timeout_s=30)
        line = town.wait_ledger("streetlight", len(bodies))
        rows = town.rest.samples(lamp, first_us, fields="power_w")
        (latest,) = town.rest.get(f"/devices/{lamp}/latest")["items"]
    assert [row["values"]["power_w"] for row in rows] == list(range(300))
    assert (line["stored"], line["duplicate"]) == (300, 2700)
    assert latest["values"]["power_w"] == 299, "the newest by its own time, whatever came last"
    report("F14", "each message ten times, an hour of them shuffled", "mosquitto-influxdb", came_twice=2700)


def test_wild_times_are_dead_letters_and_make_no_shards(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path, report: Report
) -> None:
    lamp, now = f"t{secrets.token_hex(6)}", now_us()
    refused: dict[str, list[object]] = {
        "clock_ahead": [
            rfc3339(now + DAY_US * 365),
            rfc3339(now + 12 * MINUTE_US),
            "2262-04-11T23:47:16Z",
            "9999-12-31T23:59:59Z",
        ],
        "too_old": [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            rfc3339(now - 4000 * DAY_US),
        ],
        "wrong_type": [now // 1_000_000, now, "yesterday", "", True, "2026-02-30T00:00:00Z", "2026-11-25T10:00:00"],
    }
    taken = [rfc3339(now + 9 * MINUTE_US), rfc3339(now - 20 * DAY_US), rfc3339(now), "2026-11-25T00:00:00+01:00"]
    bodies = [_body(lamp, seq, ts) for seq, ts in enumerate([t for some in refused.values() for t in some] + taken)]
    prefix = f"t{secrets.token_hex(6)}"
    with running(tmp_path, mosquitto, influxdb, prefix) as town:
        town.register("kl", [lamp])
        _say(mosquitto, lamp, bodies)
        wait_equal(lambda: town.rest.ledger("streetlight").get("received"), len(bodies), timeout_s=30)
        wait_equal(lambda: town.rest.letters(lamp), {reason: len(some) for reason, some in refused.items()})
        town.wait_ledger("streetlight", len(bodies))
        rows = town.rest.samples(lamp, now - 30 * DAY_US, fields="level_pct", to=rfc3339(now + DAY_US))
    assert len(rows) == len(taken)
    report(
        "F15", f"{len(bodies)} messages with wild times", "mosquitto-influxdb", dead_letters=len(bodies) - len(taken)
    )


def test_noisy_device_does_not_delay_the_others(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    with running(tmp_path, mosquitto) as town:
        with publishing(town, 100) as fleet, publishing(town, NOISY_RATE, lamps=1) as noisy:
            wait_until(lambda: noisy.number > 10 * NOISY_RATE, timeout_s=60, what="a flood")
            late_s = sorted(newest_age_s(town, name) for name in fleet.sent)
        town.wait_ledger("streetlight", fleet.number + noisy.number)
        account = assert_each_stored_once(town, fleet, others=noisy.number, other_samples=noisy.number)
    p99_s = quantiles(late_s, n=100)[-1]
    report(
        "F21",
        f"one device sends {NOISY_RATE} messages a second",
        "mosquitto-sqlite",
        account,
        others_p99_s=round(p99_s, 2),
    )
    assert p99_s <= 0.5 + 2, "each of the others speaks twice a second"


def _body(lamp: str, seq: int, ts: object, **fields: object) -> dict[str, object]:
    return {"v": 1, "device_id": lamp, "ts": ts, "boot_id": "b1", "seq": seq, "level_pct": 40, **fields}


def _say(broker: Broker, lamp: str, bodies: list[dict[str, object]]) -> None:
    client = Client(CallbackAPIVersion.VERSION2, f"say-{lamp}", protocol=MQTTv311)
    client.username_pw_set(broker.device.user, broker.device.password)
    client.max_inflight_messages_set(1000)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        said = [client.publish(f"city/v1/kl/streetlight/{lamp}/telemetry", json.dumps(body), 1) for body in bodies]
        for one in said:
            one.wait_for_publish(30)
    finally:
        client.disconnect()
        client.loop_stop()
