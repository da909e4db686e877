"""Connectors over the API: who may let a device speak for others, for whom, and what follows."""

import json
from typing import Any

import pytest

from application.ports.changes import ChangeFeed
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.memberships import MOVED, MembershipRepository
from devices.time_us import DAY_US, MINUTE_US, SECOND_US, rfc3339
from tests.contracts.api.conftest import NOW_US, City


def members(asset_id: str) -> str:
    return f"/api/v1/devices/{asset_id}/members"


def connectors(asset_id: str) -> str:
    return f"/api/v1/devices/{asset_id}/connectors"


@pytest.fixture
def street(city: City) -> City:
    """Concentrator c1 and lamps L01 to L03 in kl, a lamp elsewhere, a drone."""
    for name in ("c1", "c2", "L01", "L02", "L03"):
        city.asset(name)
    city.asset("other", tenant_id="zw")
    city.asset("fritz", "fire_drone")
    return city


def post(city: City, asset_id: str, key: dict[str, str], body: Any) -> Any:
    return city.client.post(members(asset_id), headers=key, json=body)


def test_it_is_set_listed_moved_ended_and_on_record(street: City) -> None:
    admin = street.key("credentials:admin", "streetlight:read", "audit:read", tenant_id="kl", name="Eva")
    answer = post(street, "c1", admin, {"devices": ["L02", "L01"]})
    assert answer.status_code == 201
    listed = street.client.get(members("c1"), headers=admin).json()["items"]
    begin = rfc3339(NOW_US)
    assert listed == [{"id": f"L0{n}", "device_id": f"d-L0{n}", "kind": "streetlight", "from": begin} for n in (1, 2)]
    street.clock.now_us += MINUTE_US
    assert post(street, "c2", admin, {"devices": ["L01"]}).status_code == 201
    street.clock.now_us += MINUTE_US
    assert street.client.delete(f"{members('c1')}/L01", headers=admin).status_code == 404, "no more its member"
    assert street.client.delete(f"{members('c2')}/L01", headers=admin).status_code == 204
    assert street.client.delete(f"{members('c2')}/L01", headers=admin).status_code == 404
    one, two = rfc3339(NOW_US + MINUTE_US), rfc3339(NOW_US + 2 * MINUTE_US)
    assert street.client.get(connectors("L01"), headers=admin).json()["items"] == [
        {"id": "c2", "device_id": "d-c2", "from": one, "until": two},
        {"id": "c1", "device_id": "d-c1", "from": begin, "until": one},
    ]
    assert [one["id"] for one in street.client.get(members("c1"), headers=admin).json()["items"]] == ["L02"]
    entries = street.client.get("/api/v1/audit", headers=admin).json()["items"]
    told = [(e["action"], e["object"], e["detail"].get("connector")) for e in entries if "speak_for" in e["action"]]
    assert told == [
        ("device.speak_for_end", "streetlight/L01", "c2"),
        ("device.speak_for", "streetlight/L01", "c2"),
        ("device.speak_for", "streetlight/several", "c1"),
    ]
    with street.registry.read() as tx:
        moved = [c.data["devices"] for c in tx.get(ChangeFeed).after(0) if c.topic == MOVED]
    assert [[d["device_id"] for d in some] for some in moved] == [["L02", "L01"], ["L01"], ["L01"]]


def test_a_whole_group_at_once_and_from_an_earlier_time(street: City) -> None:
    with street.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("g1", "kl", "streetlight", "Street", ("L01", "L02", "L03"), 0))
    key = street.key("*", tenant_id="kl")
    since = NOW_US - 600 * SECOND_US
    answer = post(street, "c1", key, {"group": "g1", "from": rfc3339(since)})
    assert answer.status_code == 201
    assert {one["from"] for one in answer.json()["items"]} == {rfc3339(since)}
    assert len(answer.json()["items"]) == 3


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "body"),
        ({"devices": []}, 422, "devices"),
        ({"devices": ["L01"], "group": "g1"}, 422, "body"),
        ({"devices": ["L01", "c1"]}, 422, "devices"),
        ({"devices": ["L01", "other"]}, 422, "devices"),
        ({"devices": ["L01", "nobody"]}, 422, "devices"),
        ({"devices": ["L01"], "from": rfc3339(NOW_US + SECOND_US)}, 422, "from"),
        ({"devices": ["L01"], "from": rfc3339(NOW_US - DAY_US)}, 422, "from"),
        ({"group": "nobody"}, 404, None),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_for_all(
    street: City, body: Any, status: int, field: str | None
) -> None:
    answer = post(street, "c1", street.key("*", tenant_id="kl"), body)
    assert answer.status_code == status, answer.text
    if field is not None:
        assert field in json.dumps(answer.json()["errors"])
    with street.registry.read() as tx:
        assert tx.get(MembershipRepository).running_of("d-c1") == []


def test_no_chains_and_not_across_towns(street: City) -> None:
    key = street.key("*")
    assert post(street, "c1", key, {"devices": ["other"]}).status_code == 422
    assert post(street, "c1", key, {"devices": ["L01"]}).status_code == 201
    assert post(street, "c2", key, {"devices": ["c1"]}).status_code == 409
    assert post(street, "L01", key, {"devices": ["L02"]}).status_code == 409


@pytest.mark.parametrize(
    ("scopes", "tenant", "member", "status"),
    [
        (["credentials:admin", "streetlight:read"], "kl", "L01", 201),
        (["*"], None, "L01", 201),
        (["*"], "zw", "L01", 404),
        (["devices:write", "streetlight:*"], "kl", "L01", 403),
        (["credentials:admin"], "kl", "L01", 404),
        (["*"], "kl", "fritz", 422),
        (["*", "fire_drone:read"], "kl", "fritz", 403),
        (["streetlight:read", "fire_drone:*"], "kl", "fritz", 201),
    ],
)
def test_it_needs_the_right_to_give_logins_of_the_members_kind(
    street: City, scopes: list[str], tenant: str | None, member: str, status: int
) -> None:
    key = street.key(*scopes, tenant_id=tenant)
    assert post(street, "c1", key, {"devices": [member]}).status_code == status
    with street.registry.read() as tx:
        assert len(tx.get(MembershipRepository).running_of("d-c1")) == (status == 201)
    if status == 201:
        weak = street.key("devices:*", "streetlight:*", "fire_drone:read", tenant_id="kl")
        assert street.client.delete(f"{members('c1')}/{member}", headers=weak).status_code == 403
        assert street.client.delete(f"{members('c1')}/{member}", headers=key).status_code == 204


def test_what_is_restricted_is_not_told(street: City) -> None:
    brigade = street.key("streetlight:read", "fire_drone:*", tenant_id="kl")
    assert post(street, "c1", brigade, {"devices": ["fritz"]}).status_code == 201
    admin = street.key("*", tenant_id="kl")
    for path in (members("c1"), "/api/v1/audit?limit=100"):
        assert "fritz" not in street.client.get(path, headers=admin).text
    dock = street.asset("dock", "fire_drone")
    both = street.key("*", "fire_drone:*", tenant_id="kl")
    assert post(street, dock.asset_id, both, {"devices": ["L01"]}).status_code == 201
    (shown,) = street.client.get(connectors("L01"), headers=admin).json()["items"]
    assert (shown["id"], shown["device_id"], shown["until"]) == (None, None, None)


def test_a_device_has_a_login_or_a_connector(street: City) -> None:
    key = street.key("*", tenant_id="kl")
    login = "/api/v1/devices/L01/credentials"
    assert street.client.post(login, headers=key).status_code == 201
    refused = post(street, "c1", key, {"devices": ["L02", "L01"]})
    assert (refused.status_code, "login of its own" in refused.text) == (409, True)
    assert street.client.delete(login, headers=key).status_code == 204
    assert post(street, "c1", key, {"devices": ["L02", "L01"]}).status_code == 201
    for path, body in ((login, None), ("/api/v1/devices/credentials", {"devices": ["L03", "L01"]})):
        answer = street.client.post(path, headers=key, json=body)
        assert (answer.status_code, "connector" in answer.text) == (409, True)
    assert street.client.delete(f"{members('c1')}/L01", headers=key).status_code == 204
    assert street.client.post(login, headers=key).status_code == 201


@pytest.mark.parametrize("which", ["c1", "L01"])
def test_it_ends_with_the_device_of_either(street: City, which: str) -> None:
    key = street.key("*", tenant_id="kl")
    assert post(street, "c1", key, {"devices": ["L01"]}).status_code == 201
    street.clock.now_us += MINUTE_US
    replaced = street.client.post(f"/api/v1/devices/{which}/replace", headers=key, json={"device_id": "new"})
    assert replaced.status_code == 200
    with street.registry.read() as tx:
        (only,) = tx.get(MembershipRepository).of_members(["d-L01"])["d-L01"]
    assert only.until_us == NOW_US + MINUTE_US
    assert street.client.get(members("c1"), headers=key).json()["items"] == []
