"""A town in one answer, its kinds, its alarms put aside, and the installation itself."""

import pytest

from application.ports.alarms import AlarmRepository
from application.ports.changes import ChangeFeed
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.latest_values import LatestValue, LatestValues
from devices.messages import EventSeverity
from devices.time_us import SECOND_US, rfc3339
from runtime.reference_docs.openapi import describe_api
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.registry import making

HOUR_S = 3600


def _town(city: City) -> None:
    city.asset("lamp-1", lat=49.44, lon=7.77, attributes={"reporting_interval_s": 300})
    city.asset("lamp-2")
    city.asset("far", tenant_id="zw")
    city.asset("fritz", "fire_drone")
    with city.registry.write() as tx:
        tx.get(LatestValues).put(
            [
                LatestValue("lamp-1", "streetlight", "kl", "telemetry", "", NOW_US, NOW_US, {"power_w": 3.0}),
                LatestValue("lamp-1", "streetlight", "kl", "status", "", 5, 6, {"state": "online"}),
            ]
        )
        tx.get(GroupRepository).put(AssetGroup("way", "kl", "streetlight", "Way", ("lamp-1",), 0))
        tx.get(AlarmRepository).add([making.alarm("a-1", asset_id="lamp-1", severity=EventSeverity.WARNING)])


def test_a_town_is_shown_in_one_answer(city: City) -> None:
    _town(city)
    found = city.client.get("/api/v1/city", headers=city.key("streetlight:read", tenant_id="kl")).json()
    first, second = found["items"]
    assert first == {
        "id": "lamp-1",
        "kind": "streetlight",
        "name": "lamp-1",
        "lat": 49.44,
        "lon": 7.77,
        "status": "online",
        "last_seen_at": rfc3339(NOW_US),
        "silent_after_s": 900,
        "worst": "warning",
        "alarms": 1,
    }
    assert (second["id"], second["status"], second["last_seen_at"], second["worst"]) == ("lamp-2", None, None, None)
    assert found["groups"] == [{"id": "way", "kind": "streetlight", "name": "Way", "members": ["lamp-1"]}]
    assert not found["more"]
    with city.registry.read() as tx:
        assert found["change_id"] == tx.get(ChangeFeed).newest()


def test_a_large_town_is_compressed_for_those_who_ask(city: City) -> None:
    for n in range(40):
        city.asset(f"lamp-{n}")
    key = city.key("*")
    packed = city.client.get("/api/v1/city", headers=key | {"Accept-Encoding": "gzip"})
    plain = city.client.get("/api/v1/city", headers=key | {"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json()["items"] == plain.json()["items"]


def test_an_alarm_is_shelved_taken_back_and_commented(city: City) -> None:
    _town(city)
    key = city.key("streetlight:*", "alarms:*", name="Eva")
    url = "/api/v1/alarms/a-1"
    shelved = city.client.post(f"{url}/shelve", headers=key, json={"duration_s": HOUR_S, "comment": "crew is there"})
    assert shelved.json()["shelved_until"] == rfc3339(NOW_US + HOUR_S * SECOND_US)
    assert city.client.get("/api/v1/alarms?shelved=false", headers=key).json()["items"] == []
    assert city.client.get("/api/v1/city", headers=key).json()["items"][1]["worst"] is None
    city.clock.now_us += HOUR_S * SECOND_US
    assert len(city.client.get("/api/v1/alarms?shelved=false", headers=key).json()["items"]) == 1
    assert city.client.post(f"{url}/comment", headers=key, json={"comment": "lamp ordered"}).status_code == 200
    assert city.client.post(f"{url}/acknowledge", headers=key, json={}).status_code == 200
    back = city.client.post(f"{url}/unshelve", headers=key).json()
    assert [(note["did"], note["by"], note["text"]) for note in back["notes"]] == [
        ("shelve", "Eva", "crew is there"),
        ("comment", "Eva", "lamp ordered"),
        ("acknowledge", "Eva", ""),
        ("unshelve", "Eva", ""),
    ]
    assert (back["shelved_until"], back["acknowledged_by"]) == (None, "Eva")
    with city.registry.read() as tx:
        told = [change.data for change in tx.get(ChangeFeed).after(0, 10) if change.topic == "alarm"]
    assert [data["shelved_until"] is None for data in told] == [False, False, False, True]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"duration_s": 1, "until": rfc3339(NOW_US + SECOND_US)},
        {"until": rfc3339(NOW_US - SECOND_US)},
        {"duration_s": 32 * 86_400},
        {"duration_s": 0},
    ],
)
def test_a_shelf_without_a_sensible_end_is_refused(city: City, body: dict[str, object]) -> None:
    _town(city)
    assert city.client.post("/api/v1/alarms/a-1/shelve", headers=city.key("*"), json=body).status_code == 422


def test_who_may_acknowledge_may_not_therefore_shelve(city: City) -> None:
    _town(city)
    key = city.key("streetlight:read", "alarms:acknowledge")
    answer = city.client.post("/api/v1/alarms/a-1/shelve", headers=key, json={"duration_s": 60})
    assert (answer.status_code, answer.json()["detail"]) == (403, "scope alarms:shelve is missing")


def test_kinds_are_described_with_units_and_commands(city: City) -> None:
    kinds = city.client.get("/api/v1/kinds", headers=city.key("streetlight:read")).json()["items"]
    (lamp,) = kinds
    fields = {field["name"]: field for field in lamp["fields"]}
    assert fields["power_w"] == {"name": "power_w", "number": True, "unit": "W", "low": 0, "high": 300}
    assert fields["level_pct"]["unit"] == "%"
    dim = next(command for command in lamp["commands"] if command["name"] == "dim")
    assert (dim["scope"], dim["has_effect"], dim["max_effect_s"]) == ("lights:dim", True, 43_200)
    level = dim["arguments"]["properties"]["level_pct"]
    assert (level["minimum"], level["maximum"]) == (0, 100)
    everything = city.client.get("/api/v1/kinds", headers=city.key("*", "fire_drone:*", "event_network:read")).json()
    measured = [field for kind in everything["items"] for field in kind["fields"] if field["number"]]
    assert sum(field["unit"] is None for field in measured) < len(measured) / 4


def test_the_installation_says_what_is_wrong_and_what_to_do(city: City) -> None:
    detail = {"fault": "store_token", "rows": 7}
    with city.registry.write() as tx:
        beats = tx.get(HeartbeatRepository)
        for part in ("gateway", "broker", "journal/telemetry", "scheduler", "canary"):
            beats.put([Heartbeat(part, NOW_US, ok=True, last_success_us=NOW_US, detail={})])
        beats.put([Heartbeat("store", NOW_US, ok=False, last_success_us=NOW_US - SECOND_US, detail=detail)])
    found = city.client.get("/api/v1/system?lang=de", headers=city.key("system:read")).json()
    assert not found["ready"]
    (trouble,) = found["troubles"]
    assert trouble["cause"] == "InfluxDB nimmt das Token nicht an, deshalb wartet Telemetrie im Journal"
    assert found["summary"] == trouble["cause"] + "."
    store = next(part for part in found["parts"] if part["part"] == "store")
    assert (store["ok"], store["detail"]) == (False, {"rows": 7})
    assert describe_api()["info"]["version"].startswith(f"{found['api_version']}+")
    assert city.client.get("/api/v1/system", headers=city.key("ledger:read")).status_code == 403
