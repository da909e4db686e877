"""What is taken reads alike, whatever has it: another town, a kind not shown, something retired, or one's own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from httpx2 import Response

from application.access.roles import RoleGrant
from application.device_credentials import issue_passwords
from application.kinds.event_network.ports import EventRepository
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.credentials import CredentialRepository
from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository, UnknownDevice
from application.ports.users import UserRepository
from devices.event_network.city_event import CityEvent, EventKind
from devices.kind_catalog import discover_kinds
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person

SCOPES: Final = (
    *(f"{kind.name}:*" for kind in discover_kinds().values() if not kind.restricted),
    "lights:*",
    "events:*",
    "groups:write",
    "devices:write",
    "credentials:admin",
    "users:admin",
    "api_keys:admin",
    "notifications:admin",
)
"""All that an administrator has but sight of the drones."""
HOLDERS: Final = {
    "own": ("streetlight", "kl"),
    "retired": ("streetlight", "kl"),
    "hidden": ("fire_drone", "kl"),
    "foreign": ("streetlight", "zw"),
    "far": ("fire_drone", "zw"),
}


def _fill(city: City, how: str) -> None:
    kind, town = HOLDERS[how]
    asset = city.asset(f"x-{how}", kind, town)
    event_times = (NOW_US, NOW_US, NOW_US + 2, NOW_US + 2)
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup(f"x-{how}", town, kind, how, (), 0))
        tx.get(AssetRepository).note_unknown([UnknownDevice(f"w-{how}", town, kind, NOW_US, NOW_US, 1)])
        tx.get(EventRepository).add(CityEvent(f"x-{how}", town, how, EventKind.FAIR, "Europe/Berlin", *event_times))
        issue_passwords(tx.get(CredentialRepository), [f"{town}/{kind}/c-{how}"], "user:x", NOW_US)
        key = ApiKey(f"k-{how}", f"p-{how}", how.encode(), f"x-{how}", town, frozenset({f"{kind}:read"}), NOW_US)
        tx.get(ApiKeys).add(key)
        if how == "retired":
            tx.get(AssetRepository).change(replace(asset, retired_us=NOW_US))
    person(city, f"x-{how}", RoleGrant("drone_pilot" if kind == "fire_drone" else "viewer", town), password=False)
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get(f"x-{how}"), subject=f"https://id x-{how}"))


def _device(**fields: Any) -> Mapping[str, Any]:
    return {"kind": "streetlight", "name": "n", **fields}


def _event(event_id: str) -> Mapping[str, Any]:
    times = {"begins_at": "2026-12-01T10:00:00Z", "ends_at": "2026-12-01T12:00:00Z"}
    return {"id": event_id, "name": "n", "kind": "fair", "time_zone": "Europe/Berlin", **times}


USER: Final = {"name": "n", "roles": [{"role": "viewer", "tenant_id": "kl"}]}
TRIES: Final[Mapping[str, Callable[[str], tuple[str, Mapping[str, Any]]]]] = {
    "device": lambda how: ("/devices", _device(id=f"x-{how}")),
    "bound device": lambda how: ("/devices", _device(device_id=f"d-x-{how}")),
    "group": lambda how: ("/groups", {"id": f"x-{how}", "kind": "streetlight", "name": "n"}),
    "light group": lambda how: ("/light-groups", {"id": f"x-{how}", "name": "n", "members": []}),
    "user": lambda how: ("/users", {**USER, "id": f"x-{how}"}),
    "subject": lambda how: ("/users", {**USER, "id": "new", "subject": f"https://id x-{how}"}),
    "key": lambda how: ("/api-keys", {"name": f"x-{how}", "scopes": ["streetlight:read"]}),
}
FREES: Final = {"bound device": {"retired"}}
"""A device that a retired asset let go is free for all."""


def _read(answer: Response, how: str) -> tuple[int, str]:
    body = answer.json()
    for name in ("request_id", "instance"):
        body.pop(name, None)
    assert f"x-{how}" not in str(body)
    return answer.status_code, str(body).replace(f"-{how}", "")


@pytest.mark.parametrize("what", TRIES)
def test_what_is_taken_reads_alike_whatever_has_it(city: City, what: str) -> None:
    for how in HOLDERS:
        _fill(city, how)
    headers = city.key(*SCOPES, tenant_id="kl", name="admin")
    said = {}
    for how in HOLDERS.keys() - FREES.get(what, set()):
        path, body = TRIES[what](how)
        said[how] = _read(city.client.post(f"/api/v1{path}", json=body, headers=headers), how)
    assert {status for status, _ in said.values()} == {409}, said
    assert all(answer == said["own"] for answer in said.values()), said
    assert "urn:lautern:problem:id_unavailable" in said["own"][1]


@pytest.mark.parametrize("place", ["replace", "approve", "credentials"])
def test_a_device_of_others_reads_alike_where_one_is_bound(city: City, place: str) -> None:
    for how in HOLDERS:
        _fill(city, how)
    city.asset("mine")
    headers = city.key(*SCOPES, tenant_id="kl", name="admin")
    said = []
    for how in ("hidden", "foreign", "far"):
        if place == "replace":
            bodies = [{"device_id": device} for device in (f"d-x-{how}", f"w-{how}")]
            answers = [city.client.post("/api/v1/devices/mine/replace", json=b, headers=headers) for b in bodies]
            said += [_read(answer, how) for answer in answers]
        elif place == "approve":
            with city.registry.write() as tx:
                tx.get(AssetRepository).note_unknown(
                    [UnknownDevice("mine-too", "kl", "streetlight", NOW_US, NOW_US, 1)]
                )
            path = "/api/v1/devices/unknown/mine-too/approve"
            said.append(_read(city.client.post(path, json={"id": f"x-{how}"}, headers=headers), how))
        else:
            made = city.client.post(
                "/api/v1/devices", json=_device(id=f"m-{how}", device_id=f"c-{how}"), headers=headers
            )
            assert made.status_code == 201, made.text
            said.append(_read(city.client.post(f"/api/v1/devices/m-{how}/credentials", headers=headers), how))
    assert {status for status, _ in said} == {409}, said
    assert all(answer == said[0] for answer in said), said


def test_the_preview_of_an_import_reads_alike(city: City) -> None:
    for how in HOLDERS:
        _fill(city, how)
    headers = {**city.key(*SCOPES, tenant_id="kl", name="admin"), "Content-Type": "text/csv"}
    ids = [f"streetlight,n,x-{how}," for how in HOLDERS]
    devices = [f"streetlight,n,,{mark}-{how}" for how in ("hidden", "foreign", "far") for mark in ("d-x", "w")]
    content = "\n".join(["kind,name,id,device_id", *ids, *devices])
    answer = city.client.post("/api/v1/devices/import?dry_run=true", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    errors = answer.json()["errors"]
    assert [e["line"] for e in errors] == list(range(2, 2 + len(ids) + len(devices))), errors
    assert {e["message"] for e in errors} == {"is not available: choose another"}


@pytest.mark.parametrize("path", ["/devices/{}", "/devices/{}/credentials", "/groups/{}", "/users/{}", "/events/{}"])
def test_what_is_hidden_reads_like_what_is_not_there(city: City, path: str) -> None:
    for how in HOLDERS:
        _fill(city, how)
    headers = city.key(*SCOPES, tenant_id="kl", name="admin")
    gone = _read(city.client.get(f"/api/v1{path.format('nothing')}", headers=headers), "nothing")
    assert gone[0] == 404
    hidden = ["foreign", "far"] if "/users" in path or "/events" in path else ["hidden", "foreign", "far"]
    for how in hidden:
        assert _read(city.client.get(f"/api/v1{path.format(f'x-{how}')}", headers=headers), how) == gone


def test_who_tries_ids_of_others_is_on_record(city: City) -> None:
    _fill(city, "foreign")
    headers = city.key(*SCOPES, "audit:read", tenant_id="kl", name="curious")
    path, body = TRIES["device"]("foreign")
    assert city.client.post(f"/api/v1{path}", json=body, headers=headers).status_code == 409
    noted = [refused for refused, _, _ in city.client.app.state.refusals.drain(NOW_US)]  # type: ignore[attr-defined]
    assert [(r.actor, r.result, r.object) for r in noted] == [("key:curious", "unavailable", "route/POST /devices")]


def test_a_link_of_one_who_was_shut_out_reads_like_one_that_never_was(city: City) -> None:
    token = person(city, "shut", RoleGrant("viewer", "kl"))
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get("shut"), disabled_us=NOW_US))
    headers = {"Origin": "http://localhost"}
    said = [
        _read(city.client.post("/api/v1/login", json={"token": each}, headers=headers), "shut")
        for each in (token, "never")
    ]
    assert said[0] == said[1]
    assert said[0][0] == 401
