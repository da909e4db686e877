"""Targets, rules and messages of notifications over HTTP: whose they are, and what is refused."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from application.audit.chain_reader import read_entries
from application.notifications.allow_list import TargetAllowList
from application.ports.inventory import AssetGroup, GroupRepository
from tests.contracts.api.conftest import City

ALL = ("*",)
BRIGADE = ("fire_drone:*", "notifications:admin")
MAIL = {"id": "licht", "tenant_id": "kl", "name": "Lichtdienst", "channel": "email", "address": "licht@stadt.example"}
HOOK = {
    "id": "ticket",
    "tenant_id": "kl",
    "name": "Ticket",
    "channel": "webhook",
    "address": "https://hooks.example/T0/hush",
}
RULE = {"id": "nachts", "tenant_id": "kl", "name": "Nachts", "kinds": ["streetlight"], "targets": ["licht"]}
TARGETS = "/api/v1/notification-targets"
RULES = "/api/v1/notification-rules"
MESSAGES = "/api/v1/notifications"


@pytest.fixture
def city(open_city: Callable[[], City]) -> Iterator[City]:
    """With an allow-list as a town would have it."""
    opened = open_city()
    services = replace(opened.services, allowed=TargetAllowList(("stadt.example",), ("hooks.example",)))
    with TestClient(create_app(services, poll_s=0.02)) as client:
        yield replace(opened, services=services, client=client)


def post(city: City, path: str, body: Any, key: dict[str, str]) -> Any:
    answer = city.client.post(path, json=body, headers=key)
    assert answer.status_code in {201, 202}, answer.text
    return answer


def ids(city: City, path: str, key: dict[str, str]) -> list[str]:
    answer = city.client.get(path, headers=key)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def test_a_target_lives_and_its_secret_is_shown_once(city: City) -> None:
    admin = city.key(*ALL)
    made = post(city, TARGETS, HOOK, admin)
    assert made.json()["secret"].startswith("whsec_")
    assert (made.headers["location"], made.headers["cache-control"]) == (f"{TARGETS}/ticket", "no-store")
    shown = city.client.get(f"{TARGETS}/ticket", headers=admin)
    assert "secret" not in shown.json()
    renewed = city.client.post(f"{TARGETS}/ticket/secret", headers=admin)
    assert renewed.json()["secret"] != made.json()["secret"]
    tag = {**admin, "If-Match": renewed.headers["etag"]}
    changed = city.client.patch(f"{TARGETS}/ticket", json={"enabled": False, "language": "en"}, headers=tag)
    assert (changed.json()["enabled"], changed.json()["language"], changed.json()["version"]) == (False, "en", 3)
    assert city.client.patch(f"{TARGETS}/ticket", json={"enabled": True}, headers=tag).status_code == 412
    assert city.client.delete(f"{TARGETS}/ticket", headers=admin).status_code == 204
    assert city.client.get(f"{TARGETS}/ticket", headers=admin).status_code == 404


FORBIDDEN = (
    "https://127.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "http://hooks.example/",
    "https://elsewhere.example/",
    "https://hooks.example:8443/",
    "https://hooks.example@10.0.0.1/",
    "file:///etc/passwd",
)


def test_a_webhook_goes_only_where_the_settings_allow(city: City) -> None:
    admin = city.key(*ALL)
    for address in FORBIDDEN:
        answer = city.client.post(TARGETS, json=HOOK | {"address": address}, headers=admin)
        assert answer.status_code == 422, address
        assert "address" in {error["field"] for error in answer.json()["errors"]}


def test_mail_goes_only_where_the_settings_allow(city: City) -> None:
    admin = city.key(*ALL)
    for address in ("a@example.org", "stadt.example", "a@stadt.example\r\nBcc: b@example.org"):
        assert city.client.post(TARGETS, json=MAIL | {"address": address}, headers=admin).status_code == 422
    post(city, TARGETS, MAIL, admin)
    tag = {**admin, "If-Match": "*"}
    moved = city.client.patch(f"{TARGETS}/licht", json={"address": "a@example.org"}, headers=tag)
    assert moved.status_code == 422


def test_who_may_not_write_sees_only_which_target_it_is(city: City) -> None:
    admin, viewer = city.key(*ALL), city.key("streetlight:read", tenant_id="kl")
    for target in (MAIL, HOOK):
        post(city, TARGETS, target, admin)
    shown = {t["id"]: t["address"] for t in city.client.get(TARGETS, headers=viewer).json()["items"]}
    assert shown == {"licht": "l…@stadt.example", "ticket": "https://hooks.example/…"}
    for method, path in (("POST", TARGETS), ("DELETE", f"{TARGETS}/licht"), ("POST", f"{TARGETS}/licht/test")):
        assert city.client.request(method, path, json=MAIL, headers=viewer).status_code == 403
    assert ids(city, TARGETS, city.key("alarms:acknowledge", tenant_id="kl")) == []


def test_a_rule_lives_whole(city: City) -> None:
    admin = city.key(*ALL)
    city.asset("L07")
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("fauthweg", "kl", "streetlight", "Fauthweg", ("L07",), 0))
    for target in (MAIL, HOOK):
        post(city, TARGETS, target, admin)
    body = {
        "name": "Tags",
        "kinds": ["streetlight"],
        "severities": ["critical", "major"],
        "groups": ["fauthweg"],
        "targets": ["licht"],
        "duty": {
            "zone": "Europe/Berlin",
            "spans": [{"weekdays": ["mon", "fri"], "from": "07:00", "until": "16:30"}],
            "region": "DE-RP",
        },
        "critical_always": True,
        "gather_s": 60,
        "repeat_min": 30,
        "escalation": [{"after_min": 15, "targets": ["ticket"]}, {"after_min": 60, "targets": ["ticket", "licht"]}],
        "resolved": False,
        "enabled": True,
    }
    made = post(city, RULES, body | {"id": "tags", "tenant_id": "kl"}, admin)
    assert made.json() == body | {"id": "tags", "tenant_id": "kl", "version": 1}
    tag = {**admin, "If-Match": made.headers["etag"]}
    changed = city.client.put(f"{RULES}/tags", json=body | {"repeat_min": None}, headers=tag)
    assert (changed.json()["repeat_min"], changed.json()["version"]) == (None, 2)
    assert city.client.put(f"{RULES}/tags", json=body, headers=tag).status_code == 412
    assert city.client.put(f"{RULES}/tags", json=body, headers=admin).status_code == 428
    for path in (f"{TARGETS}/licht", "/api/v1/groups/fauthweg"):
        assert city.client.delete(path, headers=admin).status_code == 409
    assert city.client.delete(f"{RULES}/tags", headers=admin).status_code == 204
    assert city.client.delete(f"{TARGETS}/licht", headers=admin).status_code == 204


NONSENSE: tuple[tuple[str, Any], ...] = (
    ("kinds", ["fire_drone"]),
    ("kinds", ["nonsense"]),
    ("targets", ["nobody"]),
    ("targets", []),
    ("groups", ["nowhere"]),
    ("severities", ["loud"]),
    ("gather_s", 1),
    ("repeat_min", 0),
    ("duty", {"zone": "Mars/Olympus"}),
    ("duty", {"region": "DE-ZZ"}),
    ("duty", {"spans": [{"weekdays": ["mon"], "from": "25:00", "until": "01:00"}]}),
    ("escalation", [{"after_min": 30, "targets": ["licht"]}, {"after_min": 10, "targets": ["licht"]}]),
    ("escalation", [{"after_min": 30, "targets": ["nobody"]}]),
)


def test_a_rule_that_makes_no_sense_is_refused(city: City) -> None:
    admin = city.key(*ALL)
    post(city, TARGETS, MAIL, admin)
    for field, wrong in NONSENSE:
        answer = city.client.post(RULES, json=RULE | {field: wrong}, headers=admin)
        assert answer.status_code == 422, (field, wrong, answer.text)
        assert any(error["field"].startswith(field) for error in answer.json()["errors"])


def test_a_rule_tells_by_itself_only_of_kinds_that_are_open_to_all(city: City) -> None:
    everything = city.key("*", "fire_drone:*")
    post(city, TARGETS, MAIL, everything)
    made = post(city, RULES, {key: RULE[key] for key in ("tenant_id", "name", "targets")}, everything).json()
    assert made["kinds"] == sorted(kind.name for kind in city.catalog.values() if not kind.restricted | kind.internal)
    assert {"event_network", "streetlight"} <= set(made["kinds"])


def test_the_brigades_rules_are_made_and_seen_by_its_own_people_only(city: City) -> None:
    admin, brigade = city.key(*ALL, tenant_id="kl"), city.key(*BRIGADE, tenant_id="kl")
    wache = MAIL | {"id": "wache"}
    post(city, TARGETS, wache, brigade)
    drones = RULE | {"id": "drones", "kinds": ["fire_drone"], "targets": ["wache"]}
    assert city.client.post(RULES, json=drones, headers=admin).status_code == 422
    post(city, RULES, drones, brigade)
    assert (ids(city, RULES, admin), ids(city, RULES, brigade)) == ([], ["drones"])
    tag = {"If-Match": "*"}
    settings = {key: drones[key] for key in ("name", "kinds", "targets")}
    assert city.client.get(f"{RULES}/drones", headers=admin).status_code == 404
    assert city.client.put(f"{RULES}/drones", json=settings, headers=admin | tag).status_code == 404
    assert city.client.delete(f"{RULES}/drones", headers=admin).status_code == 404
    # The admin cannot lead the brigade's messages to himself either.
    mine = {"address": "admin@stadt.example"}
    assert city.client.patch(f"{TARGETS}/wache", json=mine, headers=admin | tag).status_code == 409
    assert city.client.patch(f"{TARGETS}/wache", json=mine, headers=brigade | tag).status_code == 200


def test_another_town_sees_and_changes_nothing(city: City) -> None:
    admin, speyer = city.key(*ALL), city.key("*", tenant_id="speyer")
    post(city, TARGETS, MAIL, admin)
    post(city, RULES, RULE, admin)
    tested = post(city, f"{TARGETS}/licht/test", None, admin).json()
    for path in (TARGETS, RULES, MESSAGES):
        assert ids(city, path, speyer) == []
    for path in (f"{TARGETS}/licht", f"{RULES}/nachts", f"{MESSAGES}/{tested['id']}"):
        assert city.client.get(path, headers=speyer).status_code == 404
    for method, path in (
        ("DELETE", f"{TARGETS}/licht"),
        ("POST", f"{TARGETS}/licht/test"),
        ("DELETE", f"{RULES}/nachts"),
    ):
        assert city.client.request(method, path, headers=speyer).status_code == 404
    foreign = RULE | {"id": "spy", "tenant_id": "speyer"}
    assert city.client.post(RULES, json=foreign, headers=speyer).status_code == 422


def test_a_test_message_is_queued_and_shown(city: City) -> None:
    admin = city.key(*ALL)
    post(city, TARGETS, MAIL, admin)
    queued = post(city, f"{TARGETS}/licht/test", None, admin)
    shown = city.client.get(queued.headers["location"], headers=admin).json()
    assert shown == queued.json()
    assert (shown["state"], shown["occasion"], shown["subject"]) == ("queued", "test", "Probe: Lautern erreicht Sie")
    assert ids(city, f"{MESSAGES}?state=queued&target=licht", admin) == [shown["id"]]
    assert ids(city, f"{MESSAGES}?state=failed", admin) == []


def test_changes_are_on_record_without_secrets_and_the_brigades_under_its_kind(city: City) -> None:
    admin, brigade = city.key(*ALL), city.key(*BRIGADE, tenant_id="kl")
    post(city, TARGETS, HOOK, admin)
    post(city, RULES, RULE | {"targets": ["ticket"]}, admin)
    post(city, RULES, RULE | {"id": "drones", "kinds": ["fire_drone"], "targets": ["ticket"]}, brigade)
    recorded = list(read_entries(city.registry))
    told = {(e.deed.action, e.deed.object) for e in recorded if e.deed is not None}
    assert told >= {
        ("notification_target.create", "notification_target/ticket"),
        ("notification_rule.create", "notification_rule/nachts"),
        ("notification_rule.create", "fire_drone/notification_rule/drones"),
    }
    assert "hush" not in str(recorded)
    assert "whsec" not in str(recorded)
