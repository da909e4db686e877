"""The registry of devices over HTTP."""

from typing import Any

import pytest

from application.ports.alarms import AlarmRepository
from application.ports.changes import ChangeFeed
from application.ports.inventory import AssetRepository, UnknownDevice
from devices.time_us import SECOND_US, rfc3339
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.registry import making

DEVICES = "/api/v1/devices"


def test_a_registered_device_is_shown_with_its_controller_and_etag(city: City) -> None:
    key = city.key("*")
    body = {"id": "lamp-1", "tenant_id": "kl", "kind": "streetlight", "name": "Fauthweg 1", "device_id": "ctl-1"}
    made = city.client.post(DEVICES, headers=key, json=body | {"lat": 49.44, "attributes": {"rated_power_w": 30}})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{DEVICES}/lamp-1"
    shown = city.client.get(f"{DEVICES}/lamp-1", headers=key)
    assert shown.json()["device_id"] == "ctl-1"
    assert shown.json()["attributes"] == {"rated_power_w": 30}
    assert shown.headers["etag"] == made.headers["etag"]


def test_an_id_is_given_once(city: City) -> None:
    key = city.key("*", tenant_id="kl")
    body = {"id": "lamp-1", "kind": "streetlight", "name": "a"}
    assert city.client.post(DEVICES, headers=key, json=body).status_code == 201
    assert city.client.post(DEVICES, headers=key, json=body).status_code == 409


def test_a_bound_device_cannot_be_taken_by_another_asset(city: City) -> None:
    city.asset("theirs", tenant_id="speyer")
    key = city.key("*", tenant_id="kl")
    body = {"id": "mine", "kind": "streetlight", "name": "a", "device_id": "d-theirs"}
    assert city.client.post(DEVICES, headers=key, json=body).status_code == 409
    assert city.client.get(f"{DEVICES}/mine", headers=key).status_code == 404


def test_every_wrong_field_is_named(city: City) -> None:
    body = {"kind": "streetlight", "name": "a\x00", "lat": 91, "colour": "red", "via": "a b"}
    answer = city.client.post(DEVICES, headers=city.key("*"), json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {e["field"] for e in answer.json()["errors"]} == {"name", "lat", "colour", "via"}


def test_a_change_needs_the_version_that_was_read(city: City) -> None:
    city.asset("lamp-1")
    key = city.key("*")
    tag = city.client.get(f"{DEVICES}/lamp-1", headers=key).headers["etag"]
    change = {"name": "new"}
    assert city.client.patch(f"{DEVICES}/lamp-1", headers=key, json=change).status_code == 428
    assert city.client.patch(f"{DEVICES}/lamp-1", headers=key | {"If-Match": tag}, json=change).status_code == 200
    assert city.client.patch(f"{DEVICES}/lamp-1", headers=key | {"If-Match": tag}, json=change).status_code == 412
    assert city.client.patch(f"{DEVICES}/lamp-1", headers=key | {"If-Match": "soon"}, json=change).status_code == 412


def test_a_parent_must_not_lead_back(city: City) -> None:
    city.asset("parent")
    city.asset("child", via="parent")
    key = city.key("*") | {"If-Match": "*"}
    refused = city.client.patch(f"{DEVICES}/parent", headers=key, json={"via": "child"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "via"


def test_a_retired_device_is_listed_only_when_asked_for(city: City) -> None:
    city.asset("lamp-1")
    key = city.key("*")
    assert city.client.delete(f"{DEVICES}/lamp-1", headers=key).status_code == 204
    assert city.client.get(DEVICES, headers=key).json()["items"] == []
    assert [d["id"] for d in city.client.get(f"{DEVICES}?retired=true", headers=key).json()["items"]] == ["lamp-1"]


def test_pages_hold_every_device_once(city: City) -> None:
    for number in range(7):
        city.asset(f"lamp-{number}")
    key = city.key("*")
    seen, cursor = [], ""
    while True:
        page = city.client.get(f"{DEVICES}?limit=3{cursor}", headers=key).json()
        seen += [d["id"] for d in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"lamp-{n}" for n in range(7)]


def test_replacing_a_controller_keeps_the_asset(city: City) -> None:
    city.asset("lamp-1")
    key = city.key("*")
    answer = city.client.post(f"{DEVICES}/lamp-1/replace", headers=key, json={"device_id": "new"})
    assert answer.status_code == 200, answer.text
    bindings = city.client.get(f"{DEVICES}/lamp-1/bindings", headers=key).json()["items"]
    assert [b["device_id"] for b in bindings] == ["d-lamp-1", "new"]
    assert bindings[0]["until"] == bindings[1]["from"]


def _speak(city: City, device_id: str, kind: str = "streetlight", tenant_id: str = "kl") -> None:
    seen = UnknownDevice(device_id, tenant_id, kind, NOW_US - 60 * SECOND_US, NOW_US, 5, {"lat": 49.4})
    with city.registry.write() as tx:
        tx.get(AssetRepository).note_unknown([seen])


def test_an_approved_device_is_bound_from_its_first_message_on(city: City) -> None:
    _speak(city, "ctl-9")
    key = city.key("*", tenant_id="kl")
    waiting = city.client.get(f"{DEVICES}/unknown", headers=key).json()["items"]
    assert [(w["device_id"], w["messages"]) for w in waiting] == [("ctl-9", 5)]
    made = city.client.post(f"{DEVICES}/unknown/ctl-9/approve", headers=key, json={"name": "Lamp 9"})
    assert made.status_code == 201, made.text
    bindings = city.client.get(f"{DEVICES}/ctl-9/bindings", headers=key).json()["items"]
    assert bindings[0]["from"] == waiting[0]["first_seen_at"]
    assert city.client.get(f"{DEVICES}/unknown", headers=key).json()["items"] == []


def test_unknown_devices_of_others_are_not_there(city: City) -> None:
    _speak(city, "drone", "fire_drone")
    _speak(city, "lamp", tenant_id="speyer")
    key = city.key("*", tenant_id="kl")
    assert city.client.get(f"{DEVICES}/unknown", headers=key).json()["items"] == []
    for device_id in ("drone", "lamp"):
        answer = city.client.post(f"{DEVICES}/unknown/{device_id}/approve", headers=key, json={})
        assert answer.status_code == 404


def test_a_configuration_says_whether_the_device_runs_it(city: City) -> None:
    city.asset("lamp-1")
    key = city.key("*")
    url = f"{DEVICES}/lamp-1/config"
    assert city.client.get(url, headers=key).headers["etag"] == '"0"'
    put = city.client.put(url, headers=key | {"If-Match": '"0"'}, json={"reporting_interval_s": 30})
    assert put.status_code == 200, put.text
    assert (put.json()["version"], put.json()["in_sync"]) == (1, False)
    assert city.client.put(url, headers=key | {"If-Match": '"0"'}, json={}).status_code == 412
    wrong = city.client.put(url, headers=key | {"If-Match": '"1"'}, json={"reporting_interval_s": -1})
    assert wrong.json()["errors"][0]["field"] == "reporting_interval_s"


@pytest.mark.parametrize(
    "attributes",
    [
        *({"reporting_interval_s": told} for told in (0, -1, True, "10 s", 1e308, 86_401)),
        {"rated_power_w": 10**400},
        {"deep": [{"in": 2**63}]},
    ],
)
def test_numbers_that_no_rule_can_work_with_are_refused(city: City, attributes: dict[str, Any]) -> None:
    city.asset("lamp")
    key = city.key("*")
    patched = city.client.patch(f"{DEVICES}/lamp", headers=key | {"If-Match": "*"}, json={"attributes": attributes})
    assert patched.status_code == 422
    made = city.client.post(
        DEVICES, headers=key, json={"kind": "streetlight", "tenant_id": "kl", "name": "x", "attributes": attributes}
    )
    assert made.status_code == 422
    assert city.client.get(f"{DEVICES}/lamp/telemetry", headers=key).status_code == 200


def test_the_alarms_of_a_retired_device_end(city: City) -> None:
    city.asset("lamp")
    alarm = making.alarm("a1", asset_id="lamp")
    with city.registry.write() as tx:
        tx.get(AlarmRepository).add([alarm])
    key = city.key("*")
    assert len(city.client.get("/api/v1/alarms?open=true", headers=key).json()["items"]) == 1
    assert city.client.delete(f"{DEVICES}/lamp", headers=key).status_code == 204
    assert city.client.get("/api/v1/alarms?open=true", headers=key).json()["items"] == []
    assert city.client.get("/api/v1/alarms/a1", headers=key).json()["cleared_at"] == rfc3339(NOW_US)
    with city.registry.read() as tx:
        assert [c.data["cleared"] for c in tx.get(ChangeFeed).after(0, 10) if c.topic == "alarm"] == [rfc3339(NOW_US)]
