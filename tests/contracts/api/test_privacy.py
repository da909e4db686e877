"""Data protection over the API: the register, the deletion log, what is known of a person, and forgetting him."""

import base64

from application.access.roles import RoleGrant
from application.ports.alarms import AlarmRepository
from application.ports.commands import CommandRepository
from application.ports.credentials import CredentialRepository
from application.ports.dead_letters import DeadLetters
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.retention import DeletionLog, DeletionRecord
from devices.alarms import AlarmNote
from devices.samples import Sample, Value
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person, sign_in, towns
from tests.contracts.registry.making import alarm, command, letter


def test_the_register_follows_the_settings_in_both_languages(city: City) -> None:
    key = city.key("privacy:admin")
    found = city.client.get("/api/v1/privacy/register", headers=key).json()
    assert {"Streetlight", "Fire brigade drone"} <= {a["name"] for a in found["activities"]}
    drones = next(a for a in found["activities"] if a["name"] == "Fire brigade drone")
    assert "admin" not in drones["readers"]
    assert any("Flugbuch" in kept["what"] and kept["days"] == 3660 for kept in drones["kept"])
    for form, language, word in (("markdown", "de", "# Verzeichnis von"), ("html", "en", "<h1>Register of processing")):
        answer = city.client.get(f"/api/v1/privacy/register?format={form}&language={language}", headers=key)
        assert word in answer.text
        assert answer.headers["content-type"].startswith(f"text/{form}")
    assert city.client.get("/api/v1/privacy/register", headers=city.key("users:admin")).status_code == 403


def test_each_town_sees_what_was_deleted_of_its_own(city: City) -> None:
    with city.registry.write() as tx:
        tx.get(DeletionLog).add(
            [
                DeletionRecord(NOW_US, "flights", "fire_drone", "kl", 1, 2, 3),
                DeletionRecord(NOW_US, "alarms", "streetlight", "kl", 1, 2, 4),
                DeletionRecord(NOW_US, "alarms", "streetlight", "sp", 1, 2, 5),
            ]
        )

    def seen(*scopes: str) -> list[int]:
        headers = city.key(*scopes, tenant_id="kl")
        return [d["count"] for d in city.client.get("/api/v1/privacy/deletions", headers=headers).json()["items"]]

    assert seen("privacy:admin", "streetlight:read") == [4]
    assert seen("privacy:admin", "fire_drone:*") == [3]
    assert seen("*") == [4]


def test_a_person_gets_what_names_him_and_is_then_forgotten(city: City) -> None:
    boss = city.key("*")
    body = {"id": "anna", "name": "Anna Weber", "email": "anna@kl.example", "roles": [{"role": "viewer"}]}
    assert city.client.post("/api/v1/users", json=body, headers=boss).status_code == 201
    with city.registry.write() as tx:
        tx.get(CommandRepository).add([command("c1", issuer="Anna Weber", tenant_id="kl", issued_us=NOW_US)])
        tx.get(AlarmRepository).add([alarm("a1", acknowledged_by="Anna Weber", acknowledged_us=NOW_US)])
    found = city.client.get("/api/v1/users/anna/export", headers=boss).json()
    assert found["user"]["email"] == "anna@kl.example"
    assert [c["command_id"] for c in found["records"]["commands"]] == ["c1"]
    assert found["not_shown"] == ["fire_drone"]
    done = city.client.post("/api/v1/users/anna/erase", headers=boss).json()
    assert done["pseudonym"].startswith("person:")
    assert (done["records"]["commands"], done["records"]["alarms"]) == (1, 1)
    assert city.client.get("/api/v1/users/anna", headers=boss).status_code == 404
    with city.registry.read() as tx:
        assert tx.get(CommandRepository).get("c1").issuer == done["pseudonym"]
        assert tx.get(AlarmRepository).get("a1").acknowledged_by == done["pseudonym"]


def test_who_keeps_users_but_not_data_protection_may_neither(city: City) -> None:
    boss = city.key("*")
    body = {"id": "anna", "name": "Anna", "roles": [{"role": "viewer"}]}
    city.client.post("/api/v1/users", json=body, headers=boss)
    keeper = city.key("users:admin")
    assert city.client.get("/api/v1/users/anna/export", headers=keeper).status_code == 403
    assert city.client.post("/api/v1/users/anna/erase", headers=keeper).status_code == 403


def test_of_two_with_one_name_none_is_erased(city: City) -> None:
    boss = city.key("*")
    for user_id in ("anna", "anna2"):
        body = {"id": user_id, "name": "Anna", "roles": [{"role": "viewer"}]}
        city.client.post("/api/v1/users", json=body, headers=boss)
    answer = city.client.post("/api/v1/users/anna/erase", headers=boss)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "name"


def test_counts_of_visitors_under_five_are_told_nowhere(city: City) -> None:
    city.asset("node", "event_network")
    values: dict[str, Value] = {"wifi_clients": 3, "dhcp_leases_used": 2, "cpu_pct": 3.0}
    city.writer.write([Sample("node", "event_network", "kl", "telemetry", "", NOW_US - 60_000_000, NOW_US, values)])
    with city.registry.write() as tx:
        tx.get(LatestValues).put(
            [LatestValue("node", "event_network", "kl", "telemetry", "", NOW_US - 60_000_000, NOW_US, values)]
        )
    headers = city.key("event_network:read")
    shown = {"wifi_clients": "<5", "dhcp_leases_used": "<5", "cpu_pct": 3.0}
    for path in ("devices/node/latest", "telemetry/latest?kind=event_network", "devices/node/telemetry"):
        (item,) = city.client.get(f"/api/v1/{path}", headers=headers).json()["items"]
        assert item["values"] == shown
    bucket = "devices/node/telemetry?bucket=5m&fields=wifi_clients,cpu_pct&agg=max"
    (item,) = city.client.get(f"/api/v1/{bucket}", headers=headers).json()["items"]
    assert item["values"] == {"wifi_clients": {"max": "<5"}, "cpu_pct": {"max": 3.0}}
    for path in (bucket, "devices/node/telemetry?fields=wifi_clients,cpu_pct"):
        csv = city.client.get(f"/api/v1/{path}", headers={**headers, "Accept": "text/csv"}).text
        assert csv.rstrip().endswith("<5,3.0")


def test_a_lamps_event_does_not_count_passers_by(city: City) -> None:
    city.asset("lamp")
    series, at = "event_presence_detected", NOW_US - 60_000_000
    city.writer.write([Sample("lamp", "streetlight", "kl", series, "", at, NOW_US, {"road_users": 2})])
    headers = city.key("streetlight:read")
    for path in ("devices/lamp/events", f"devices/lamp/telemetry?series={series}&fields=road_users"):
        (item,) = city.client.get(f"/api/v1/{path}", headers=headers).json()["items"]
        assert item["values"] == {"road_users": "<5"}


def test_refused_messages_are_shown_without_small_counts(city: City) -> None:
    city.town("kl")
    payload = b'{"wifi_clients": 3, "cpu_pct": 300}'
    with city.registry.write() as tx:
        tx.get(DeadLetters).add([letter("l1", kind="event_network", payload=payload)])
    headers = city.key("dead_letters:read", "event_network:read", tenant_id="kl")
    shown = city.client.get("/api/v1/dead-letters/l1", headers=headers).json()
    assert shown["payload_text"] == '{"wifi_clients": "<5", "cpu_pct": 300}'
    assert b"3," not in base64.b64decode(shown["payload_base64"])


def test_attributes_that_name_a_visitors_device_are_refused(city: City) -> None:
    headers = city.key("*", tenant_id="kl")
    body = {"kind": "event_network", "name": "Mast", "attributes": {"seen": ["aa:bb:cc:dd:ee:ff"]}}
    answer = city.client.post("/api/v1/devices", json=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "attributes.seen.0"
    assert city.client.post("/api/v1/devices", json=body | {"kind": "streetlight"}, headers=headers).status_code == 201


def test_who_keeps_a_town_exports_nothing_of_other_towns_or_the_brigade(city: City) -> None:
    towns(city, "kl", "sp")
    person(city, "anna", RoleGrant("viewer", "kl"), RoleGrant("admin", "sp"))
    with city.registry.write() as tx:
        tx.get(AlarmRepository).add(
            [
                alarm("mine", tenant_id="kl", name="a"),
                alarm("drone", asset_id="D1", tenant_id="kl", kind="fire_drone"),
                alarm("theirs", tenant_id="sp", name="b"),
            ]
        )
        for alarm_id in ("mine", "drone", "theirs"):
            tx.get(AlarmRepository).note(alarm_id, AlarmNote(NOW_US, "Anna", "comment", f"about {alarm_id}"))
    answer = city.client.get("/api/v1/users/anna/export", headers=city.key("*", tenant_id="kl"))
    found = answer.json()
    assert [n["alarm_id"] for n in found["records"]["notes"]] == ["mine"]
    assert "about drone" not in answer.text
    assert [role["tenant_id"] for role in found["user"]["roles"]] == ["kl"]


def test_nobody_forgets_whom_another_town_remembers(city: City) -> None:
    """A user made up with the name that signs in another town, or as a key, takes nothing out there."""
    towns(city, "kl", "sp")
    boss = city.key("*", tenant_id="sp")
    with city.registry.write() as tx:
        tx.get(CommandRepository).add([command("c1", issuer="Anna Weber", tenant_id="kl", issued_us=NOW_US)])
    for user_id, name in (("x", "Anna Weber"), ("y", "Control room")):
        body = {"id": user_id, "name": name, "roles": [{"role": "viewer"}]}
        assert city.client.post("/api/v1/users", json=body, headers=boss).status_code == 201
    city.key("streetlight:read", tenant_id="kl", name="Control room")
    assert city.client.post("/api/v1/users/x/erase", headers=boss).status_code == 200
    assert city.client.post("/api/v1/users/y/erase", headers=boss).status_code == 409
    with city.registry.read() as tx:
        assert tx.get(CommandRepository).get("c1").issuer == "Anna Weber"


def test_who_issued_a_login_or_lent_a_device_is_forgotten_too(city: City) -> None:
    towns(city, "kl", "sp")
    person(city, "anna", RoleGrant("event_manager", "kl"), RoleGrant("admin", "kl"))
    city.asset("node", "event_network")
    browser = sign_in(city, "anna")
    assert browser.post("/api/v1/devices/node/credentials").status_code == 201
    lent = browser.post("/api/v1/devices/node/loans", json={"tenant_id": "sp", "until": "2026-12-01T00:00:00Z"})
    assert lent.status_code == 201, lent.text
    done = city.client.post("/api/v1/users/anna/erase", headers=city.key("*")).json()
    assert (done["records"]["credentials"], done["records"]["loans"]) == (1, 1)
    with city.registry.read() as tx:
        assert tx.get(CredentialRepository).get("kl/event_network/d-node").issued_by == done["pseudonym"]
