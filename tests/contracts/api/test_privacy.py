"""Data protection over the API: the register, the deletion log, what is known of a person, and forgetting him."""

from devices.ports.alarms import Alarms
from devices.ports.commands import Commands
from devices.ports.privacy import Deletion, Deletions
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.registry.making import alarm, command


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
        tx.get(Deletions).add(
            [
                Deletion(NOW_US, "flights", "fire_drone", "kl", 1, 2, 3),
                Deletion(NOW_US, "alarms", "streetlight", "kl", 1, 2, 4),
                Deletion(NOW_US, "alarms", "streetlight", "sp", 1, 2, 5),
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
        tx.get(Commands).add([command("c1", issuer="Anna Weber", tenant_id="kl", issued_us=NOW_US)])
        tx.get(Alarms).add([alarm("a1", acknowledged_by="Anna Weber", acknowledged_us=NOW_US)])
    found = city.client.get("/api/v1/users/anna/export", headers=boss).json()
    assert found["user"]["email"] == "anna@kl.example"
    assert [c["command_id"] for c in found["records"]["commands"]] == ["c1"]
    assert found["not_shown"] == ["fire_drone"]
    done = city.client.post("/api/v1/users/anna/erase", headers=boss).json()
    assert done["pseudonym"].startswith("person:")
    assert (done["records"]["commands"], done["records"]["alarms"]) == (1, 1)
    assert city.client.get("/api/v1/users/anna", headers=boss).status_code == 404
    with city.registry.read() as tx:
        assert tx.get(Commands).get("c1").issuer == done["pseudonym"]
        assert tx.get(Alarms).get("a1").acknowledged_by == done["pseudonym"]


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
