"""Devices of a restricted kind are registered, bound, lent and given logins by those of the kind, by nobody else."""

from typing import Any, Final

import pytest

from application.access.roles import RoleGrant
from application.ports.inventory import AssetRepository, UnknownDevice
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person, sign_in

NEW: Final = {"kind": "fire_drone", "name": "Ottmar", "id": "ottmar"}
CSV: Final = {"content": "kind,name,id\nfire_drone,Ottmar,ottmar", "headers": {"Content-Type": "text/csv"}}
CHANGES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("POST", "/devices", {"json": NEW}),
    ("POST", "/devices/import", CSV),
    ("PATCH", "/devices/fritz", {"json": {"name": "x"}, "headers": {"If-Match": "*"}}),
    ("POST", "/devices/fritz/replace", {"json": {"device_id": "other"}}),
    ("PUT", "/devices/fritz/config", {"json": {}, "headers": {"If-Match": "*"}}),
    ("POST", "/devices/unknown/wild/approve", {"json": {}}),
    ("DELETE", "/devices/unknown/wild", {}),
    ("POST", "/groups", {"json": {"kind": "fire_drone", "name": "g", "id": "g"}}),
    ("POST", "/devices/fritz/credentials", {}),
    ("POST", "/devices/credentials", {"json": {"devices": ["fritz"]}}),
    ("DELETE", "/devices/fritz", {}),
)
FEW: Final = {
    "admin": [RoleGrant("admin", "kl")],
    "admin who reads": [RoleGrant("admin", "kl"), RoleGrant("drone_auditor", "kl")],
    "admin who flies": [RoleGrant("admin", "kl"), RoleGrant("drone_pilot", "kl")],
}


def _fill(city: City) -> None:
    city.asset("fritz", "fire_drone")
    with city.registry.write() as tx:
        tx.get(AssetRepository).note_unknown([UnknownDevice("wild", "kl", "fire_drone", NOW_US, NOW_US, 1)])


@pytest.mark.parametrize("who", FEW)
@pytest.mark.parametrize(("method", "path", "how"), CHANGES, ids=lambda v: v if isinstance(v, str) else "")
def test_an_administrator_changes_no_drone(city: City, who: str, method: str, path: str, how: dict[str, Any]) -> None:
    _fill(city)
    person(city, "anna", *FEW[who])
    answer = sign_in(city, "anna").request(method, f"/api/v1{path}", **how)
    assert answer.status_code in ({403, 404, 422} if who == "admin" else {403, 422}), answer.text
    if who == "admin":
        assert "drone" not in answer.text.replace("fire_drone is missing", "")
    with city.registry.read() as tx:
        inventory = tx.get(AssetRepository)
        fritz = inventory.get("fritz")
        assert (fritz.name, fritz.retired_us) == ("fritz", None)
        assert inventory.current_devices(["fritz"]) == {"fritz": "d-fritz"}
        assert inventory.get_unknown("wild").messages == 1
        assert inventory.many(["ottmar", "wild"]) == {}


@pytest.mark.parametrize(("method", "path", "how"), CHANGES, ids=lambda v: v if isinstance(v, str) else "")
def test_who_leads_the_brigade_keeps_its_drones(city: City, method: str, path: str, how: dict[str, Any]) -> None:
    _fill(city)
    person(city, "lea", RoleGrant("drone_leader", "kl"))
    answer = sign_in(city, "lea").request(method, f"/api/v1{path}", **how)
    assert answer.status_code in {200, 201, 202, 204}, answer.text


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("POST", "/devices", {"json": {"kind": "streetlight", "name": "n"}}),
        ("DELETE", "/devices/L01", {}),
        ("POST", "/groups", {"json": {"kind": "streetlight", "name": "g"}}),
        ("PUT", "/devices/L01/config", {"json": {}, "headers": {"If-Match": "*"}}),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_the_brigades_opens_nothing_else(city: City, method: str, path: str, how: dict[str, Any]) -> None:
    city.asset("L01")
    person(city, "lea", RoleGrant("drone_leader", "kl"), RoleGrant("viewer", "kl"))
    assert sign_in(city, "lea").request(method, f"/api/v1{path}", **how).status_code == 403


def test_an_administrator_learns_of_no_drone(city: City) -> None:
    _fill(city)
    city.asset("L01")
    person(city, "anna", RoleGrant("admin", "kl"))
    browser = sign_in(city, "anna")
    paths = ("/devices", "/devices/unknown", "/devices/credentials/refused", "/tenants", "/groups", "/kinds", "/ledger")
    for path in (*paths, "/alarms", "/commands", "/dead-letters", "/city", "/system"):
        answer = browser.get(f"/api/v1{path}")
        assert "fritz" not in answer.text, path
        assert "wild" not in answer.text, path
    assert [town["devices"] for town in browser.get("/api/v1/tenants").json()["items"]] == [1]


def test_metrics_do_not_say_which_routes_are_asked(city: City) -> None:
    _fill(city)
    person(city, "lea", RoleGrant("drone_leader", "kl"))
    browser = sign_in(city, "lea")
    for path in ("/api/v1/flights", "/api/v1/drones", "/api/v1/devices/fritz", "/flights"):
        assert browser.get(path).status_code == 200
    text = city.client.get("/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("lautern_api_request")]
    assert any('area="api"' in line for line in lines)
    for word in ("flight", "drone", "brigade", "fire", "devices", "route="):
        assert all(word not in line for line in lines), word
