"""Whatever anybody changes is on record, and what cannot be recorded does not happen."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from api.login_throttle import MOST_A_MINUTE
from api.refusal_audit import MOST_AT_ONCE, MOST_HELD, RefusalCounter, RefusalGroup
from api.sessions import SAFE
from application.access.roles import RoleGrant
from application.ports.alarms import AlarmRepository
from application.ports.dead_letters import DeadLetters
from application.ports.inventory import AssetRepository, UnknownDevice
from application.ports.latest_values import LatestValue, LatestValues
from devices.time_us import DAY_US, rfc3339
from simulators.kinds.event_network.event import demo_event
from tests.contracts.api.certificate import certificate
from tests.contracts.api.conftest import ADDRESS, NOW_US, SECRET, City
from tests.contracts.api.people import OURS, PASSWORD, person, sign_in, towns
from tests.contracts.api.second_factors import second_factors
from tests.contracts.api.walk import Walk, database, entries
from tests.contracts.registry.making import alarm, letter

DIM: Final = {"arguments": {"level_pct": 30}, "duration_s": 600}
NODES: Final = ("mogli-core", "mogli-case-1", "mogli-case-2", "mogli-case-3", "temes-1")
ADMIN: Final = RoleGrant("admin")
CSV: Final = "id,kind,name\nlamp-8,streetlight,Eight\nfritz-8,fire_drone,Fritz\n"


@pytest.fixture
def walk(city: City) -> Walk:
    return prepared(city)


def prepared(city: City, *, breaks: bool = False) -> Walk:
    """A town with what the routes below are about."""
    towns(city, "kl", "mz")
    city.asset("lamp-1")
    city.asset("lamp-2")
    city.asset("fritz", "fire_drone")
    for node in NODES:
        city.asset(node, "event_network")
    with city.registry.write() as tx:
        unknown = [UnknownDevice(f"u-{n}", "kl", "streetlight", NOW_US, NOW_US, 1) for n in "12"]
        tx.get(AssetRepository).note_unknown(unknown)
        tx.get(AlarmRepository).add([alarm("a1", since_us=NOW_US, raised_us=NOW_US)])
        tx.get(DeadLetters).add([letter("l1"), letter("l2", kind="fire_drone")])
        status = {"state": "online"}
        tx.get(LatestValues).put([LatestValue("fritz", "fire_drone", "kl", "status", "", NOW_US, NOW_US, status)])
    return Walk(city, breaks=breaks)


def devices(walk: Walk) -> None:
    walk("POST /alarms/{alarm_id}/acknowledge", {"comment": "seen"}, alarm_id="a1")
    walk("POST /alarms/{alarm_id}/comment", {"comment": "on the way"}, alarm_id="a1")
    walk("POST /alarms/{alarm_id}/shelve", {"comment": "known", "duration_s": 60}, alarm_id="a1")
    walk("POST /alarms/{alarm_id}/unshelve", alarm_id="a1")
    walk("POST /dead-letters/{letter_id}/replay", letter_id="l1")
    walk("POST /dead-letters/{letter_id}/replay", letter_id="l2")
    walk("POST /devices", {"id": "lamp-9", "kind": "streetlight", "name": "Nine"})
    walk("PATCH /devices/{asset_id}", {"name": "Neun"}, asset_id="lamp-9")
    walk("PUT /devices/{asset_id}/config", {"reporting_interval_s": 30}, asset_id="lamp-9")
    walk("POST /devices/{asset_id}/replace", {"device_id": "new-1"}, asset_id="lamp-9")
    walk("DELETE /devices/{asset_id}", asset_id="lamp-9")
    walk("POST /devices/unknown/{device_id}/approve", {"name": "One"}, device_id="u-1")
    walk("DELETE /devices/unknown/{device_id}", device_id="u-2")
    walk("POST /devices/import", CSV)


def commands(walk: Walk) -> None:
    named: dict[str, Any] = {"name": "dim", **DIM}
    one = walk("POST /devices/{asset_id}/commands", named, asset_id="lamp-1")
    walk("POST /commands/{command_id}/cancel", command_id=one["id"])
    walk("POST /streetlight/{asset_id}/commands/dim", DIM, asset_id="lamp-1")
    walk("POST /streetlight/{asset_id}/commands/resume", {"arguments": {}}, asset_id="lamp-1")
    profile = {"service_class": "visitors", "down_bps": 1_000_000, "up_bps": 1_000_000}
    walk("POST /event_network/{asset_id}/commands/set_profile", {"arguments": profile}, asset_id="mogli-core")
    walk("POST /fire_drone/{asset_id}/commands/request_full_state", {"arguments": {}}, asset_id="fritz")
    rate = {"arguments": {"rate_hz": 1}}
    walk("POST /fire_drone/{asset_id}/commands/set_telemetry_rate", rate, asset_id="fritz")
    walk("POST /groups", {"id": "g1", "kind": "streetlight", "name": "One", "members": ["lamp-1"]})
    walk("PATCH /groups/{group_id}", {"members": ["lamp-1", "lamp-2"]}, group_id="g1")
    group = walk("POST /groups/{group_id}/commands", named, group_id="g1")
    walk("POST /group-commands/{wire_id}/cancel", wire_id=group["id"])
    walk("DELETE /groups/{group_id}", group_id="g1")
    walk("POST /light-groups", {"id": "g2", "name": "Two", "members": ["lamp-1"]})
    walk("PATCH /light-groups/{group_id}", {"name": "Zwei"}, group_id="g2")
    walk("POST /light-groups/{group_id}/commands", named, group_id="g2")
    walk("DELETE /light-groups/{group_id}", group_id="g2")


def events(walk: Walk) -> None:
    plan = {**demo_event(NOW_US), "id": "fest", "state": "draft"}
    walk("POST /events", plan)
    walk("PUT /events/{event_id}", {**plan, "name": "Another name"}, event_id="fest")
    walk("DELETE /events/{event_id}", event_id="fest")


def people(walk: Walk) -> None:
    made = walk("POST /api-keys", {"name": "ops", "scopes": ["lights:dim"]})
    walk("DELETE /api-keys/{key_id}", key_id=made["id"])
    walk("POST /users", {"id": "ben", "name": "Ben", "roles": [{"role": "viewer"}]})
    walk("PATCH /users/{user_id}", {"name": "Benjamin"}, user_id="ben")
    walk("POST /users/{user_id}/invitation", user_id="ben")
    walk("POST /users/{user_id}/erase", user_id="ben")
    walk("POST /users", {"id": "ben", "name": "Ben", "roles": [{"role": "viewer"}]})
    walk("DELETE /users/{user_id}", user_id="ben")
    walk("PATCH /tenants/{tenant_id}", {"name": "Lautern"}, tenant_id="kl")
    person(walk.city, "anna", ADMIN)
    browser = TestClient(walk.city.client.app, base_url=ADDRESS, headers=OURS)
    walk("POST /tenants", {"tenant_id": "speyer", "name": "Speyer"}, browser=sign_in(walk.city, "anna"))
    walk("POST /login", {"name": "anna", "password": PASSWORD}, browser=browser)
    walk("PATCH /me", {"language": "en"}, browser=browser)
    walk("DELETE /me/sessions", browser=browser)
    walk("POST /me/password", {"current": PASSWORD, "new": "another long password"}, browser=browser)
    walk("POST /logout", browser=browser)


def logins(walk: Walk) -> None:
    walk("POST /devices/{asset_id}/credentials", asset_id="lamp-1")
    walk("POST /devices/{asset_id}/credentials/rotate", asset_id="lamp-1")
    walk("DELETE /devices/{asset_id}/credentials", asset_id="lamp-1")
    walk("POST /devices/credentials", {"devices": ["lamp-1", "lamp-2"]})
    walk("PUT /devices/{asset_id}/credentials/certificate", {"certificate": certificate()}, asset_id="lamp-1")


def loans(walk: Walk) -> None:
    until = {"until": rfc3339(NOW_US + DAY_US)}
    loan = walk("POST /devices/{asset_id}/loans", {"tenant_id": "mz", **until}, asset_id="temes-1")
    ids = {"asset_id": "temes-1", "loan_id": loan["id"]}
    walk("PATCH /devices/{asset_id}/loans/{loan_id}", {"note": "with its case"}, **ids)
    walk("DELETE /devices/{asset_id}/loans/{loan_id}", **ids)


def notifications(walk: Walk) -> None:
    hook = {"id": "t1", "name": "Duty", "channel": "webhook", "address": "https://hooks.example.org/c4n4ry"}
    walk("POST /notification-targets", hook)
    walk("PATCH /notification-targets/{target_id}", {"name": "On duty"}, target_id="t1")
    walk("POST /notification-targets/{target_id}/secret", target_id="t1")
    walk("POST /notification-targets/{target_id}/test", target_id="t1")
    rule = {"name": "All", "targets": ["t1"]}
    walk("POST /notification-rules", rule | {"id": "r1"})
    walk("PUT /notification-rules/{rule_id}", rule | {"kinds": ["fire_drone"]}, rule_id="r1")
    walk("DELETE /notification-rules/{rule_id}", rule_id="r1")
    walk("POST /notification-targets", hook | {"id": "t2"})
    walk("DELETE /notification-targets/{target_id}", target_id="t2")


def connectors(walk: Walk) -> None:
    walk.city.asset("collector")
    walk.city.asset("lamp-7")
    walk("POST /devices/{asset_id}/members", {"devices": ["lamp-7"]}, asset_id="collector")
    walk("DELETE /devices/{asset_id}/members/{member_id}", asset_id="collector", member_id="lamp-7")


WAYS = (devices, commands, events, people, second_factors, logins, loans, connectors, notifications)
BEGIN_ONLY: Final = {
    # What they leave counts for nothing until the step that follows, which is on record.
    "POST /me/second-factors/app",
    "POST /me/second-factors/passkey-options",
    "POST /login/second-factor/passkey",
}


def unsafe_routes(city: City) -> set[str]:
    found = set()
    for route in iter_route_contexts(city.client.app.routes):  # type: ignore[attr-defined]
        found |= {f"{m} {(route.path or '').removeprefix('/api/v1')}" for m in set(route.methods or ()) - SAFE}
    return found


def test_every_unsafe_route_leaves_an_entry(walk: Walk) -> None:
    for way in WAYS:
        way(walk)
    assert unsafe_routes(walk.city) - walk.called == BEGIN_ONLY, "walk these routes above too"
    said = json.dumps([dict(e.deed.detail) for e in entries(walk.city) if e.deed])
    assert PASSWORD not in said
    assert SECRET not in said
    assert "#token=" not in said
    assert "c4n4ry" not in said
    assert walk.city.client.get("/api/v1/audit/verify", headers=walk.city.key("audit:read")).json()["ok"] is True


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_change_and_its_entry_are_one_transaction(city: City, way: Callable[[Walk], None]) -> None:
    """With the audit log away nothing changes; with what is to be changed away nothing is entered."""
    way(prepared(city, breaks=True))


def test_what_belongs_to_a_kind_says_so(walk: Walk) -> None:
    devices(walk)
    commands(walk)
    of_drones = [e.deed.action for e in entries(walk.city) if e.deed and e.deed.subject == "fire_drone"]
    assert of_drones == ["dead_letter.replay", "device.import", "command.issue", "command.issue"]
    rest = [e.deed for e in entries(walk.city) if e.deed and e.deed.subject != "fire_drone"]
    assert "fritz" not in json.dumps([[d.object, dict(d.detail)] for d in rest])


@pytest.fixture
def broken(city: City) -> City:
    """A town whose audit log cannot be written."""
    city.asset("lamp")
    engine = create_engine(f"sqlite:///{database(city)}")
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER audit_away BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
        )
    engine.dispose()
    return city


def test_what_cannot_be_recorded_does_not_happen_and_telemetry_flows_on(broken: City) -> None:
    key = broken.key("*")
    dim: Mapping[str, Any] = {"name": "dim", **DIM}
    refused = broken.client.post("/api/v1/devices/lamp/commands", headers=key, json=dim)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:lautern:problem:audit_unavailable")
    assert "audit log" in refused.json()["title"]
    assert broken.client.get("/api/v1/commands", headers=key).json()["items"] == []
    assert broken.client.delete("/api/v1/devices/lamp", headers=key).status_code == 503
    assert broken.client.get("/api/v1/devices/lamp", headers=key).json()["retired_at"] is None
    with broken.registry.write() as tx:
        tx.get(LatestValues).put(
            [LatestValue("lamp", "streetlight", "kl", "telemetry", "", NOW_US, NOW_US, {"power_w": 7})]
        )
    latest = broken.client.get("/api/v1/devices/lamp/latest", headers=key)
    assert "7" in latest.text


def refused(city: City) -> list[tuple[str, str, str, int]]:
    """What was refused how often; all of it is on record when the application has ended."""
    times: Counter[tuple[str, str, str]] = Counter()
    for deed in (e.deed for e in entries(city)):
        if deed and deed.result != "ok":
            times[deed.action, deed.object, deed.result] += deed.detail["times"]
    return sorted((*what, count) for what, count in times.items())


def test_guesses_and_refusals_are_on_record_in_few_entries(open_city: Any) -> None:
    city: City = open_city()
    towns(city, "kl")
    person(city, "anna", ADMIN)
    with city.client:
        browser = TestClient(city.client.app, base_url=ADDRESS, headers=OURS, client=("10.6.6.6", 1))
        for _ in range(MOST_A_MINUTE + 2):
            browser.post("/api/v1/login", json={"name": "anna", "password": "hunter2 hunter2"})
        other = TestClient(city.client.app, base_url=ADDRESS, headers=OURS, client=("10.7.7.7", 1))
        other.post("/api/v1/login", json={"name": "my-secret-typed-here", "password": "x"})
        reader = city.key("streetlight:read", tenant_id="kl", name="reader")
        for _ in range(3):
            city.client.post("/api/v1/tenants", headers=reader, json={"tenant_id": "x", "name": "x"})
        city.client.get("/api/v1/devices", headers={"X-API-Key": "lkffff.wrong"})
        city.client.get("/api/v1/devices")
    assert refused(city) == [
        ("access", "route/GET /devices", "unauthenticated", 1),
        ("access", "route/POST /tenants", "forbidden", 3),
        ("sign_in", "user", "unauthenticated", 1),
        ("sign_in", "user/anna", "limited", 2),
        ("sign_in", "user/anna", "unauthenticated", 10),
    ]
    said = repr(entries(city))
    assert "hunter2" not in said
    assert "typed-here" not in said
    assert "10.6.6.6" in said


def test_a_flood_of_different_refusals_is_summed() -> None:
    refusals = RefusalCounter()
    recorded = kept = 0
    for second in range(24 * 360):
        for number in range(3 * MOST_AT_ONCE):
            refusals.note(RefusalGroup("sign_in", "user", "limited", f"10.0.{second % 250}.{number}"))
        found = refusals.drain(second * 10_000_000)
        recorded += sum(times for _, times, _ in found)
        kept += len(found)
    assert recorded == 24 * 360 * 3 * MOST_AT_ONCE
    assert kept < 11_000
    for number in range(10 * MOST_HELD):
        refusals.note(RefusalGroup("sign_in", "user", "limited", str(number)))
    assert sum(times for _, times, _ in refusals.drain(0)) == 10 * MOST_HELD
