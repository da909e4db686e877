"""Keys: who gets in, what a key may do, what it may give."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from api.authentication import RequiresScope, half_way, presented_identity, signed_in_caller
from application.ports.api_keys import ApiKeys
from devices.time_us import MINUTE_US, rfc3339
from tests.contracts.api.conftest import NOW_US, SECRET, City

PUBLIC = {"/healthz", "/readyz", "/version", "/metrics", "/docs", "/docs/assets", "/openapi.json"} | {
    "/api/v1/login",
    "/api/v1/login/methods",
    "/api/v1/login/oidc",
    "/api/v1/login/oidc/callback",
}
URL = "/api/v1/api-keys"


UNSAFE_WITHOUT_A_SCOPE = {
    # What a command needs follows from its name, which is in the body.
    "/api/v1/devices/{asset_id}/commands",
    "/api/v1/groups/{group_id}/commands",
    "/api/v1/commands/{command_id}/cancel",
    "/api/v1/group-commands/{wire_id}/cancel",
    # The kind decides: `credentials:admin`, or of a restricted one `{kind}:credentials`.
    "/api/v1/devices/credentials",
    "/api/v1/devices/{asset_id}/credentials",
    "/api/v1/devices/{asset_id}/credentials/rotate",
    "/api/v1/devices/{asset_id}/credentials/certificate",
    "/api/v1/devices/{asset_id}/members",
    "/api/v1/devices/{asset_id}/members/{member_id}",
    # Everybody's own.
    "/api/v1/me",
    "/api/v1/me/password",
    "/api/v1/me/sessions",
}


HALF_SIGNED_IN = {
    # Who owes the second step reaches no route but these, and no more of them than serves it: test_second_factor.py.
    "/api/v1/login/second-factor",
    "/api/v1/login/second-factor/passkey",
    "/api/v1/logout",
    "/api/v1/me",
    "/api/v1/me/recovery-codes",
    "/api/v1/me/second-factors",
    "/api/v1/me/second-factors/app",
    "/api/v1/me/second-factors/app/confirm",
    "/api/v1/me/second-factors/passkey-options",
    "/api/v1/me/second-factors/passkeys",
    "/api/v1/me/second-factors/{factor_id}",
}


def test_every_route_says_what_it_needs(city: City) -> None:
    open_routes, without_scope, half_signed_in = set(), set(), set()
    for route in iter_route_contexts(city.client.app.routes):  # type: ignore[attr-defined]
        needed = set(_calls(getattr(route, "dependant", None)))
        if signed_in_caller not in needed and needed & {half_way, presented_identity}:
            half_signed_in.add(route.path)
        elif signed_in_caller not in needed:
            open_routes.add(route.path)
        elif not any(isinstance(n, RequiresScope) for n in needed) and set(route.methods or ()) - {"GET", "HEAD"}:
            without_scope.add(route.path)
    # Pages hold no data: what they show is fetched by who looks at them.
    assert {path for path in open_routes if f"{path}".startswith("/api/") or path in PUBLIC} == PUBLIC
    assert without_scope == UNSAFE_WITHOUT_A_SCOPE
    assert half_signed_in == HALF_SIGNED_IN


def _calls(dependant: Any) -> Iterator[object]:
    if dependant is not None:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from _calls(inner)


def test_every_documented_path_answers_401_without_a_key(city: City) -> None:
    paths = city.client.get("/openapi.json").json()["paths"]
    assert len(paths) > 40
    for path, methods in paths.items():
        for method in set(methods) & {"get", "post", "put", "patch", "delete"}:
            status = city.client.request(method, path.replace("{", "").replace("}", "")).status_code
            assert (status == 401) == (path not in PUBLIC), path


@pytest.mark.parametrize(
    "presented", ["", "p0", "p0.", f"p0.{SECRET}x", f"px.{SECRET}", f"p0.{SECRET[:-1]}", "ä.b", "." * 300]
)
def test_a_wrong_key_is_told_nothing(city: City, presented: str) -> None:
    city.key("*")
    raw = presented.encode()
    for headers in ({b"X-API-Key": raw}, {b"Authorization": b"Bearer " + raw}):
        answer = city.client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["detail"] == ""


def test_both_headers_are_understood(city: City) -> None:
    key = city.key("*", name="me")
    other = {"X-API-Key": key["Authorization"].removeprefix("Bearer ")}
    assert city.client.get("/api/v1/me", headers=key).json()["name"] == "me"
    assert city.client.get("/api/v1/me", headers=other).json()["name"] == "me"


def test_a_key_ends_with_its_time_and_with_its_revocation(city: City) -> None:
    admin, brief = city.key("*"), city.key("*", expires_us=NOW_US + MINUTE_US)
    assert city.client.get("/api/v1/me", headers=brief).status_code == 200
    city.clock.now_us += MINUTE_US
    assert city.client.get("/api/v1/me", headers=brief).status_code == 401
    made = city.client.post(URL, headers=admin, json={"name": "n", "scopes": ["streetlight:read"]}).json()
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert city.client.get("/api/v1/me", headers=bearer).json()["kinds"] == ["streetlight"]
    assert city.client.delete(f"{URL}/{made['id']}", headers=admin).status_code == 204
    assert city.client.get("/api/v1/me", headers=bearer).status_code == 401


def test_a_secret_is_shown_once(city: City) -> None:
    admin = city.key("*")
    made = city.client.post(URL, headers=admin, json={"name": "n", "scopes": ["*"]}).json()
    secret = made["key"].partition(".")[2]
    listed = city.client.get(f"{URL}?revoked=true", headers=admin).text
    assert secret not in listed
    assert secret not in city.client.get(f"{URL}/{made['id']}", headers=admin).text


@pytest.mark.parametrize(
    ("held", "wanted", "status"),
    [
        (("*",), ["fire_drone:read"], 403),
        (("*",), ["fire_drone:*"], 403),
        (("*",), ["*"], 201),
        (("api_keys:admin",), ["*"], 403),
        (("api_keys:admin", "streetlight:read"), ["streetlight:read"], 201),
        (("api_keys:admin", "streetlight:read"), ["streetlight:*"], 403),
        (("api_keys:*", "fire_drone:*"), ["fire_drone:read"], 201),
        (("streetlight:read",), ["streetlight:read"], 403),
    ],
)
def test_nobody_gives_what_he_does_not_hold(city: City, held: tuple[str, ...], wanted: list[str], status: int) -> None:
    assert city.client.post(URL, headers=city.key(*held), json={"name": "n", "scopes": wanted}).status_code == status


def test_a_tenants_admin_stays_within_his_tenant(city: City) -> None:
    city.key("*", name="theirs", tenant_id="speyer")
    admin = city.key("*", tenant_id="kl", name="admin")
    assert [k["name"] for k in city.client.get(URL, headers=admin).json()["items"]] == ["admin"]
    assert city.client.delete(f"{URL}/k0", headers=admin).status_code == 404
    foreign = {"name": "n", "scopes": ["*"], "tenant_id": "speyer"}
    assert city.client.post(URL, headers=admin, json=foreign).status_code == 422
    made = city.client.post(URL, headers=admin, json={"name": "n", "scopes": ["*"]})
    assert made.json()["tenant_id"] == "kl"


def test_names_of_living_keys_are_unique_because_commands_are_signed_with_them(city: City) -> None:
    admin = city.key("*")
    body = {"name": "n", "scopes": ["*"], "expires_at": rfc3339(NOW_US + MINUTE_US)}
    assert city.client.post(URL, headers=admin, json=body).status_code == 201
    assert city.client.post(URL, headers=admin, json=body).status_code == 409


def test_the_last_use_is_recorded_when_the_application_stops(open_city: Callable[[], City]) -> None:
    city = open_city()
    key = city.key("*")
    with city.client:
        assert city.client.get("/api/v1/me", headers=key).status_code == 200
    with city.registry.read() as tx:
        assert [k.last_used_us for k in tx.get(ApiKeys).all()] == [NOW_US]


def test_an_admin_does_not_revoke_what_the_brigade_works_with(city: City) -> None:
    brigade = city.key("fire_drone:*", tenant_id="kl", name="brigade")
    admin, leader = city.key("*", tenant_id="kl"), city.key("api_keys:*", "fire_drone:*", tenant_id="kl")
    listed = {k["name"]: k["yours_to_revoke"] for k in city.client.get(URL, headers=admin).json()["items"]}
    assert (listed["brigade"], listed["key 1"]) == (False, True)
    assert city.client.delete(f"{URL}/k0", headers=admin).status_code == 403
    assert city.client.get("/api/v1/me", headers=brigade).status_code == 200
    assert city.client.delete(f"{URL}/k0", headers=leader).status_code == 204
