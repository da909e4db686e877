"""From a lamp's message to the REST API: what is good is stored once, what is not is told with its reason."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devices.time_us import DAY_US, SECOND_US, rfc3339
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_equal, wait_until
from tests.system.installation import Installation, running
from tests.system.speaking import Speaker, now_us

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("mosquitto_pub_program")]


@pytest.fixture(scope="module", params=["nats-sqlite", "mosquitto-sqlite", "mosquitto-influxdb"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running gateway and API on each broker and each store."""
    broker_name, _, store = request.param.partition("-")
    influx: InfluxServer | None = request.getfixturevalue("influxdb") if store == "influxdb" else None
    prefix = f"t{secrets.token_hex(6)}"
    with running(tmp_path_factory.mktemp("town"), request.getfixturevalue(broker_name), influx, prefix) as town:
        yield town
    if influx is not None:
        for bucket_id in influx.buckets(prefix).values():
            influx.call("DELETE", f"/api/v2/buckets/{bucket_id}")


@pytest.fixture
def lamp(town: Installation, unique_id: str) -> Speaker:
    """A registered lamp; its asset has its id."""
    return registered(town, unique_id)


def registered(town: Installation, device_id: str) -> Speaker:
    body = {"id": device_id, "tenant_id": "kl", "kind": "streetlight", "name": device_id, "device_id": device_id}
    town.rest.post("/devices", body)
    return Speaker(town.broker, device_id)


def stored(town: Installation, asset_id: str) -> list[dict[str, Any]]:
    return town.rest.samples(asset_id, now_us() - DAY_US, fields="level_pct,power_w")


def wait_stored(town: Installation, asset_id: str, number: int) -> list[dict[str, Any]]:
    wait_until(lambda: len(stored(town, asset_id)) >= number, what=f"{number} samples of {asset_id}")
    return stored(town, asset_id)


def moved(town: Installation, before: dict[str, Any]) -> dict[str, int]:
    """What the ledger of lamps counted since, without what did not move."""
    after = town.rest.ledger("streetlight")
    names = ("received", "stored", "duplicate", "conflict", "dead_letter", "in_journal")
    return {name: n for name in names if (n := after[name] - before.get(name, 0))}


def wait_moved(town: Installation, before: dict[str, Any], expected: dict[str, int]) -> None:
    wait_equal(lambda: moved(town, before), expected)
    assert all(line["balanced"] for line in town.rest.items("/ledger"))


def test_it_says_that_it_is_ready(town: Installation) -> None:
    wait_until(lambda: town.rest.call("GET", "/readyz")[0] == 200, timeout_s=20, what="ready")


def test_lamp_nobody_registered_waits_and_nothing_it_said_is_lost(town: Installation, unique_id: str) -> None:
    lamp = Speaker(town.broker, unique_id)
    said = [lamp.sample(power_w=21.5), lamp.sample(power_w=22.5)]
    wait_until(lambda: town.rest.letters(unique_id) == {"unregistered": 2}, what="two dead letters")
    (waiting,) = [x for x in town.rest.items("/devices/unknown", limit=500) if x["device_id"] == unique_id]
    assert (waiting["messages"], waiting["tenant_id"], waiting["kind"]) == (2, "kl", "streetlight")
    town.rest.post(f"/devices/unknown/{unique_id}/approve", {"name": "Fauthweg 1"})
    for letter in town.rest.items("/dead-letters", device_id=unique_id):
        town.rest.post(f"/dead-letters/{letter['id']}/replay")
    rows = wait_stored(town, unique_id, 2)
    assert [(r["ts"], r["values"]["power_w"]) for r in rows] == [(m["ts"], m["power_w"]) for m in said]
    wait_until(
        lambda: all(x["replayed_at"] for x in town.rest.items("/dead-letters", device_id=unique_id)), what="replayed"
    )
    assert unique_id not in {x["device_id"] for x in town.rest.items("/devices/unknown", limit=500)}
    lamp.sample(power_w=23.5)
    wait_stored(town, unique_id, 3)


def test_each_bad_message_is_a_dead_letter_and_harms_no_good_one(town: Installation, lamp: Speaker) -> None:
    before = town.rest.ledger("streetlight")
    whole = json.dumps(lamp.head(level_pct=40)).encode()
    bad = {
        "bad_json": whole[:-1],
        "not_finite": whole.replace(b'"level_pct": 40', b'"level_pct": NaN'),
        "out_of_range": json.dumps(lamp.head(level_pct=140)).encode(),
        "wrong_device": json.dumps(lamp.head(device_id="somebody-else")).encode(),
        "clock_ahead": json.dumps(lamp.head(now_us() + 365 * DAY_US)).encode(),
        "bad_encoding": whole.replace(b"boot1", b"\xff\xfe"),
        "unknown_version": json.dumps(lamp.head(v=2)).encode(),
        "too_large": json.dumps(lamp.head(note="x" * 300 * 1024)).encode(),
    }
    good = []
    for reason, payload in bad.items():
        good.append(lamp.sample())
        lamp.say("telemetry", payload)
        good.append(lamp.sample(note=f"after {reason}"))
    wait_equal(lambda: town.rest.letters(lamp.device_id), dict.fromkeys(bad, 1))
    assert [r["ts"] for r in wait_stored(town, lamp.device_id, len(good))] == [m["ts"] for m in good]
    wait_moved(town, before, {"received": len(good) + len(bad), "stored": len(good), "dead_letter": len(bad)})
    (letter,) = town.rest.items("/dead-letters", device_id=lamp.device_id, reason="bad_encoding")
    shown = town.rest.get(f"/dead-letters/{letter['id']}")
    assert shown["size_bytes"] == len(bad["bad_encoding"])


def test_same_message_again_is_a_duplicate_other_values_a_conflict(town: Installation, lamp: Speaker) -> None:
    before = town.rest.ledger("streetlight")
    first = lamp.sample(power_w=20)
    lamp.say("telemetry", first)
    lamp.say("telemetry", first | {"power_w": 99})
    lamp.say("telemetry", first | {"power_w": 98, "seq": 7})
    wait_moved(town, before, {"received": 4, "stored": 1, "duplicate": 1, "conflict": 2})
    assert [r["values"]["power_w"] for r in stored(town, lamp.device_id)] == [20]
    newest = town.rest.get(f"/devices/{lamp.device_id}/latest")["items"]
    assert [x["values"]["power_w"] for x in newest] == [20]


def test_device_without_a_clock_gets_the_time_of_receipt_once(town: Installation, lamp: Speaker) -> None:
    before = town.rest.ledger("streetlight")
    since_us = now_us()
    body = lamp.head(level_pct=40, power_w=20)
    del body["ts"]
    for again in (body, body, body | {"power_w": 77}, body | {"seq": 9}):
        lamp.say("telemetry", again)
    wait_moved(town, before, {"received": 4, "stored": 2, "duplicate": 1, "conflict": 1})
    rows = stored(town, lamp.device_id)
    assert [r["values"]["power_w"] for r in rows] == [20, 20]
    assert all(r["ts"] == r["received_at"] and rfc3339(since_us) <= r["ts"] <= rfc3339(now_us()) for r in rows)


def test_clockless_batch_keeps_every_sample(town: Installation, lamp: Speaker) -> None:
    head = {"v": 1, "device_id": lamp.device_id, "boot_id": "boot1"}
    lamp.say("telemetry", head | {"batch": [{"seq": n, "power_w": n} for n in range(5)]})
    rows = wait_stored(town, lamp.device_id, 5)
    assert [r["values"]["power_w"] for r in rows] == [0, 1, 2, 3, 4]
    assert {r["ts_source"] for r in rows} == {"receipt"}


def test_history_goes_on_after_the_controller_was_replaced(town: Installation, lamp: Speaker, unique_id: str) -> None:
    said = [lamp.sample(power_w=1), lamp.sample(power_w=2)]
    wait_stored(town, unique_id, 2)
    new = Speaker(town.broker, f"{unique_id}-new")
    town.rest.post(f"/devices/{unique_id}/replace", {"device_id": new.device_id})
    said += [new.sample(power_w=3)]
    late = lamp.sample(ts_us=now_us() - DAY_US // 2, power_w=0)
    assert [r["ts"] for r in wait_stored(town, unique_id, 4)] == [m["ts"] for m in (late, *said)]
    lamp.sample(power_w=666)
    lamp.say("status", {"v": 1, "state": "offline"}, retain=True)
    wait_until(lambda: town.rest.letters(lamp.device_id) == {"unregistered": 2}, what="the old one is a stranger")
    assert [r["values"]["power_w"] for r in stored(town, unique_id)] == [0, 1, 2, 3]
    channels = {x["channel"] for x in town.rest.get(f"/devices/{unique_id}/latest")["items"]}
    assert channels == {"telemetry"}


def test_retired_device_is_no_longer_heard(town: Installation, lamp: Speaker) -> None:
    lamp.sample()
    wait_stored(town, lamp.device_id, 1)
    assert town.rest.call("DELETE", f"/devices/{lamp.device_id}")[0] == 204
    lamp.sample()
    wait_until(lambda: town.rest.letters(lamp.device_id) == {"unregistered": 1}, what="nobody's device")


def test_batch_with_one_bad_item_keeps_the_others(town: Installation, lamp: Speaker) -> None:
    at_us = now_us() - 10 * SECOND_US
    items = [{"ts": rfc3339(at_us + n * SECOND_US), "seq": n, "power_w": n} for n in range(4)]
    items[2]["power_w"] = -5
    lamp.say("telemetry", {"v": 1, "device_id": lamp.device_id, "boot_id": "boot1", "batch": items})
    assert [r["values"]["power_w"] for r in wait_stored(town, lamp.device_id, 3)] == [0, 1, 3]
    (letter,) = town.rest.items("/dead-letters", device_id=lamp.device_id)
    assert letter["reason"] == "out_of_range"
    assert letter["detail"].startswith("batch item 2: power_w")
    bad = json.loads(town.rest.get(f"/dead-letters/{letter['id']}")["payload_text"])
    assert (bad["seq"], bad["power_w"]) == (2, -5)


def test_missing_numbers_are_told_and_forgotten_when_they_come(town: Installation, lamp: Speaker) -> None:
    def missing() -> list[int]:
        return [x["missing"] for x in town.rest.items("/ledger/gaps", device_id=lamp.device_id)]

    lamp.sample()
    lamp.seq = 4
    lamp.sample()
    wait_until(lambda: missing() == [3], what="three are missing")
    lamp.seq = 1
    lamp.sample()
    wait_until(lambda: missing() == [2], what="two are missing")
    lamp.sample()
    lamp.sample()
    wait_until(lambda: missing() == [], what="none is missing")


@pytest.mark.parametrize("what", ["gateway", "broker"])
def test_retained_messages_after_a_restart_change_nothing(town: Installation, lamp: Speaker, what: str) -> None:
    lamp.say("info", lamp.head(maker="Lautrer Licht", firmware="1.2"), retain=True)
    force = {"level_pct": 40, "reason": "program"}
    lamp.say("state", lamp.head(level_pct=40, command=force), retain=True)
    lamp.say("status", {"v": 1, "state": "offline"}, retain=True)
    lamp.say("state", b"{broken", retain=True)
    lamp.say("state", lamp.head(level_pct=50, command=force))
    lamp.sample()
    wait_stored(town, lamp.device_id, 1)
    wait_until(lambda: alarms(town, lamp), what="the alarm of the last will")
    before = (town.rest.ledger("streetlight"), known(town, lamp), alarms(town, lamp), town.rest.letters(lamp.device_id))
    assert {x["channel"] for x in before[1]} == {"info", "state", "status", "telemetry"}
    if what == "gateway":
        town.restart_gateway()
    else:
        town.broker.stop()
        town.broker.start()
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s and not heard_again(town, lamp):
        time.sleep(0.2)
    assert known(town, lamp)[:-1] == before[1][:-1]
    assert (alarms(town, lamp), town.rest.letters(lamp.device_id)) == before[2:]
    since = lamp.seq - 4
    wait_moved(town, before[0], {"received": since, "stored": since})


def heard_again(town: Installation, lamp: Speaker) -> bool:
    """Whether a further sample came through."""
    lamp.sample()
    return len(wait_stored(town, lamp.device_id, 1)) > 1


def known(town: Installation, lamp: Speaker) -> list[dict[str, Any]]:
    items = town.rest.get(f"/devices/{lamp.device_id}/latest")["items"]
    return sorted(
        ({k: v for k, v in x.items() if k != "age_s"} for x in items), key=lambda x: x["channel"] == "telemetry"
    )


def alarms(town: Installation, lamp: Speaker) -> list[dict[str, Any]]:
    found = town.rest.items("/alarms", device_id=lamp.device_id)
    return [{k: v for k, v in x.items() if not k.endswith("age_s")} for x in found]
