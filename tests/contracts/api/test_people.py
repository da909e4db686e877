"""Signing in, and what people may do where they are at work."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.login_throttle import MOST_A_MINUTE
from application.access.roles import RoleGrant
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.users import SessionRepository, UserRepository
from devices.time_us import HOUR_US, MINUTE_US
from tests.contracts.api.conftest import ADDRESS, City
from tests.contracts.api.people import OURS, PASSWORD, person, sign_in, towns

ADMIN = RoleGrant("admin", "kl")


@pytest.fixture
def browser(city: City) -> TestClient:
    """Anna, admin of kl, signed in."""
    towns(city, "kl", "speyer")
    person(city, "anna", ADMIN)
    return sign_in(city, "anna")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(city: City) -> None:
    towns(city, "kl")
    person(city, "anna", ADMIN)
    body = {"name": "anna", "password": PASSWORD}
    cookie = city.client.post("/api/v1/login", json=body, headers=OURS).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    elsewhere = TestClient(
        city.client.app, base_url="http://lautern.example", headers={"Origin": "http://lautern.example"}
    )
    assert "Secure" in elsewhere.post("/api/v1/login", json=body).headers["set-cookie"]


def test_another_site_cannot_act_for_who_is_signed_in(browser: TestClient) -> None:
    assert browser.get("/api/v1/me").json()["actor"] == "user:anna"
    evil = {"Origin": "http://evil.example"}
    assert browser.post("/api/v1/logout", headers=evil).status_code == 403
    del browser.headers["Origin"]
    assert browser.post("/api/v1/logout").status_code == 403
    assert browser.post("/api/v1/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.get("/api/v1/me").status_code == 200
    assert browser.post("/api/v1/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert browser.get("/api/v1/me").status_code == 401


def test_a_session_ends_when_it_is_signed_out_even_for_who_copied_it(city: City, browser: TestClient) -> None:
    stolen = TestClient(city.client.app, base_url=ADDRESS, cookies=dict(browser.cookies))
    assert stolen.get("/api/v1/me").status_code == 200
    browser.post("/api/v1/logout")
    assert stolen.get("/api/v1/me").status_code == 401


def test_a_session_ends_unused_and_in_any_case(city: City, browser: TestClient) -> None:
    city.clock.now_us += 12 * HOUR_US
    assert browser.get("/api/v1/me").status_code == 401
    used = sign_in(city, "anna")
    for _ in range(14):
        city.clock.now_us += 11 * HOUR_US
        assert used.get("/api/v1/me").status_code == 200
        with city.registry.write() as tx:
            sessions = tx.get(SessionRepository)
            sessions.touch({s.secret_sha256: city.clock.now_us for s in sessions.of_user("anna")})
    city.clock.now_us += 15 * HOUR_US
    assert used.get("/api/v1/me").status_code == 401


def test_a_link_works_once_and_leads_to_a_password(city: City) -> None:
    towns(city, "kl")
    token = person(city, "anna", ADMIN, password=False)
    browser = TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
    first = browser.post("/api/v1/login", json={"token": token})
    assert (first.status_code, first.json()["must_set_password"]) == (200, True)
    assert (
        TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
        .post("/api/v1/login", json={"token": token})
        .status_code
        == 401
    )
    for weak in ("short", "aaaaaaaaaaaaaaa", "my name is Anna!"):
        assert browser.post("/api/v1/me/password", json={"new": weak}).status_code == 422, weak
    assert browser.post("/api/v1/me/password", json={"new": PASSWORD}).status_code == 204
    assert browser.get("/api/v1/me").json()["must_set_password"] is False
    assert sign_in(city, "anna").get("/api/v1/me").status_code == 200


def test_a_new_password_ends_the_other_sessions(city: City, browser: TestClient) -> None:
    other = sign_in(city, "anna")
    wrong = {"current": "not it at all", "new": "another long password"}
    assert browser.post("/api/v1/me/password", json=wrong).json()["errors"][0]["field"] == "current"
    assert browser.post("/api/v1/me/password", json=wrong | {"current": PASSWORD}).status_code == 204
    assert browser.get("/api/v1/me").status_code == 200
    assert other.get("/api/v1/me").status_code == 401


def test_guesses_lock_the_account_but_not_its_owner_nor_others(city: City) -> None:
    towns(city, "kl")
    person(city, "anna", ADMIN)
    person(city, "ben", ADMIN)
    owner = TestClient(city.client.app, base_url=ADDRESS, headers=OURS, client=("10.0.0.1", 1))
    right = {"name": "anna", "password": PASSWORD}
    assert owner.post("/api/v1/login", json=right).status_code == 200
    thief = TestClient(city.client.app, base_url=ADDRESS, headers=OURS, client=("10.6.6.6", 1))
    guess = {"name": "anna", "password": "a wrong guess"}
    answers = [thief.post("/api/v1/login", json=guess) for _ in range(MOST_A_MINUTE + 2)]
    assert [a.status_code for a in answers] == [401] * MOST_A_MINUTE + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert thief.post("/api/v1/login", json=right).status_code == 429
    assert owner.post("/api/v1/login", json=right).status_code == 200
    assert owner.post("/api/v1/login", json=right | {"name": "ben"}).status_code == 200
    city.clock.now_us += MINUTE_US
    assert thief.post("/api/v1/login", json=right).status_code == 200


def test_nobody_learns_whether_there_is_such_a_user(city: City) -> None:
    towns(city, "kl")
    person(city, "anna", ADMIN)
    mine, nobodys = (
        city.client.post("/api/v1/login", json={"name": name, "password": "wrong wrong"}, headers=OURS).json()
        for name in ("anna", "nobody")
    )
    assert {**mine, "request_id": ""} == {**nobodys, "request_id": ""}


def test_somebody_of_two_towns_is_at_work_in_one(city: City) -> None:
    towns(city, "kl", "speyer", "bund")
    city.asset("L1")
    city.asset("S1", tenant_id="speyer")
    person(city, "anna", RoleGrant("viewer", "kl"), RoleGrant("light_operator", "speyer"))
    browser = sign_in(city, "anna")
    me = browser.get("/api/v1/me").json()
    assert (me["tenant_id"], me["roles"], [t["id"] for t in me["tenants"]]) == ("kl", ["viewer"], ["kl", "speyer"])
    dim = {"name": "dim", "arguments": {"level_pct": 50}, "duration_s": 60}
    assert browser.post("/api/v1/devices/L1/commands", json=dim).status_code == 403
    assert browser.get("/api/v1/devices/S1").status_code == 404
    assert browser.patch("/api/v1/me", json={"tenant_id": "speyer"}).json()["roles"] == ["light_operator"]
    assert browser.post("/api/v1/devices/S1/commands", json=dim).status_code == 202
    assert browser.get("/api/v1/devices/L1").status_code == 404
    for other in ("bund", None):
        assert browser.patch("/api/v1/me", json={"tenant_id": other}).status_code == 404


def test_a_role_within_a_group_ends_at_its_edge(city: City) -> None:
    towns(city, "kl")
    for lamp in ("L1", "L2"):
        city.asset(lamp)
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("west", "kl", "streetlight", "West", ("L1",), 0))
        tx.get(GroupRepository).put(AssetGroup("east", "kl", "streetlight", "East", ("L2",), 0))
    person(city, "anna", RoleGrant("light_operator", "kl", frozenset({"group/west"})))
    browser = sign_in(city, "anna")
    for url in ("/api/v1/devices", "/api/v1/streetlights"):
        assert [d["id"] for d in browser.get(url).json()["items"]] == ["L1"], url
    for url in ("/api/v1/groups", "/api/v1/light-groups"):
        assert [g["id"] for g in browser.get(url).json()["items"]] == ["west"], url
    dim = {"name": "dim", "arguments": {"level_pct": 50}, "duration_s": 60}
    assert browser.post("/api/v1/devices/L1/commands", json=dim).status_code == 202
    assert browser.post("/api/v1/devices/L2/commands", json=dim).status_code == 404
    assert browser.post("/api/v1/groups/west/commands", json=dim).status_code == 202
    assert browser.post("/api/v1/groups/east/commands", json=dim).status_code == 404
    assert {c["asset_id"] for c in browser.get("/api/v1/commands").json()["items"]} == {"L1"}
    group = {"kind": "streetlight", "name": "Mine", "members": ["L1"]}
    assert browser.post("/api/v1/groups", json=group).status_code == 403


def test_an_admin_lets_people_in_and_shuts_them_out(city: City, browser: TestClient) -> None:
    new = {"id": "ben", "name": "Ben", "roles": [{"role": "light_operator", "tenant_id": "kl"}]}
    made = browser.post("/api/v1/users", json=new)
    assert made.status_code == 201, made.text
    link = made.json()["invitation"]["link"]
    ben = TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
    assert ben.post("/api/v1/login", json={"token": link.partition("#token=")[2]}).status_code == 200
    assert [u["id"] for u in browser.get("/api/v1/users").json()["items"]] == ["anna", "ben"]
    change = browser.patch("/api/v1/users/ben", json={"disabled": True}, headers={"If-Match": made.headers["etag"]})
    assert change.status_code == 200, change.text
    assert ben.get("/api/v1/me").status_code == 401
    assert browser.delete("/api/v1/users/ben").status_code == 204
    assert browser.get("/api/v1/users/ben").status_code == 404


@pytest.mark.parametrize("role", ["drone_pilot", "drone_leader", "drone_auditor"])
def test_an_admin_neither_gives_nor_takes_the_brigades_roles(city: City, browser: TestClient, role: str) -> None:
    roles = [{"role": role, "tenant_id": "kl"}]
    assert browser.post("/api/v1/users", json={"id": "me2", "name": "x", "roles": roles}).status_code == 403
    mine = browser.get("/api/v1/users/anna").headers["etag"]
    assert browser.patch("/api/v1/users/anna", json={"roles": roles}, headers={"If-Match": mine}).status_code == 403
    person(city, "chief", RoleGrant("drone_leader", "kl"))
    assert browser.post("/api/v1/users/chief/invitation").status_code == 403
    assert browser.delete("/api/v1/users/chief").status_code == 403
    chief = sign_in(city, "chief")
    assert chief.post("/api/v1/users", json={"id": "pilot", "name": "x", "roles": roles}).status_code == 201


def test_an_admin_stays_within_his_town(city: City, browser: TestClient) -> None:
    person(city, "sam", RoleGrant("admin", "speyer"))
    assert browser.get("/api/v1/users/sam").status_code == 404
    assert browser.delete("/api/v1/users/sam").status_code == 404
    for roles in ([{"role": "viewer", "tenant_id": "speyer"}],):
        assert browser.post("/api/v1/users", json={"id": "x", "name": "x", "roles": roles}).status_code == 422
    inside = browser.post("/api/v1/users", json={"id": "x", "name": "x", "roles": [{"role": "viewer"}]})
    assert inside.json()["roles"][0]["tenant_id"] == "kl"
    assert browser.post("/api/v1/tenants", json={"tenant_id": "new", "name": "New"}).status_code == 403


def test_who_is_signed_in_elsewhere_sees_it_and_ends_it(city: City, browser: TestClient) -> None:
    elsewhere = sign_in(city, "anna")
    shown = browser.get("/api/v1/me/sessions").json()["items"]
    assert sorted(session["current"] for session in shown) == [False, True]
    assert {session["agent"] for session in shown} == {"testclient"}
    assert browser.delete("/api/v1/me/sessions").status_code == 204
    assert elsewhere.get("/api/v1/me").status_code == 401
    assert [session["current"] for session in browser.get("/api/v1/me/sessions").json()["items"]] == [True]
    assert (
        city.client.get("/api/v1/me/sessions", headers=city.key("streetlight:read", tenant_id="kl")).status_code == 403
    )


def test_who_lost_his_last_role_is_not_taken_for_somebody_of_all_towns(city: City) -> None:
    towns(city, "speyer")
    for user_id, grants in (("anna", [RoleGrant("viewer")]), ("ben", [])):
        person(city, user_id, *grants)
    anna, ben = sign_in(city, "anna"), sign_in(city, "ben")
    with city.registry.write() as tx:
        tx.get(UserRepository).change(replace(tx.get(UserRepository).get("anna"), grants=()))
    for browser in (anna, ben):
        assert browser.get("/api/v1/tenants").json()["items"] == []
        assert browser.get("/api/v1/tenants/speyer").status_code == 404
        assert browser.get("/api/v1/me").json()["tenant_id"] is None
