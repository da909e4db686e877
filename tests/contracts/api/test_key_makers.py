"""Keys know who made them, do no more than he may, and end with him."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from application.access.roles import RoleGrant
from application.audit.entry import AuditEvent
from application.ports.alarms import AlarmRepository
from application.ports.audit import AuditLog
from application.ports.registry import RegistryTransaction
from application.ports.users import UserRepository
from devices.alarms import AlarmNote
from storage.registry.engine import SqlRegistry, open_registry
from tests.contracts.api.conftest import ADDRESS, NOW_US, City
from tests.contracts.api.people import person, sign_in, towns
from tests.contracts.registry.making import alarm
from tests.real_parts.postgres import PostgresCluster
from tests.real_parts.waiting import wait_until

URL = "/api/v1/api-keys"
ADMIN = RoleGrant("admin", "kl")


@pytest.fixture
def boss(city: City) -> TestClient:
    """Who keeps the whole installation, signed in, beside Anna, an administrator of kl."""
    towns(city, "kl", "sp")
    person(city, "boss", RoleGrant("admin"))
    person(city, "anna", ADMIN)
    return sign_in(city, "boss")


def made(by: TestClient, name: str, *scopes: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, str]:
    """Make a key; returns the headers of who holds it."""
    answer = by.post(URL, json={"name": name, "scopes": scopes, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}


def status(city: City, key: dict[str, str], path: str = "me") -> int:
    return city.client.get(f"/api/v1/{path}", headers=key).status_code


def makers(boss: TestClient) -> dict[str, tuple[str | None, bool]]:
    items = boss.get(f"{URL}?revoked=true").json()["items"]
    return {key["name"]: (key["created_by"], key["revoked_at"] is not None) for key in items}


def change(boss: TestClient, user_id: str, **body: Any) -> Any:
    etag = boss.get(f"/api/v1/users/{user_id}").headers["etag"]
    answer = boss.patch(f"/api/v1/users/{user_id}", json=body, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_key_names_its_maker_also_when_it_was_made_with_a_key(city: City, boss: TestClient) -> None:
    city.key("*", name="from before")
    first = made(sign_in(city, "anna"), "first", "*")
    made(city.client, "second", "streetlight:read", headers=first)
    assert makers(boss) == {
        "from before": (None, False),
        "first": ("user:anna", False),
        "second": ("user:anna", False),
    }
    entries = boss.get("/api/v1/audit?action=api_key.create").json()["items"]
    assert [(e["actor"], e["detail"]["name"]) for e in entries] == [("key:first", "second"), ("user:anna", "first")]


def test_a_key_does_no_more_than_its_maker_may_now(city: City, boss: TestClient) -> None:
    key = made(sign_in(city, "anna"), "ops", "streetlight:read", "alarms:read", "users:admin")
    assert (status(city, key, "users"), status(city, key, "devices")) == (200, 200)
    change(boss, "anna", roles=[{"role": "viewer", "tenant_id": "kl"}])
    assert (status(city, key, "users"), status(city, key, "devices")) == (403, 200)
    assert city.client.get("/api/v1/me", headers=key).json()["scopes"] == ["streetlight:read"]
    change(boss, "anna", roles=[{"role": "admin", "tenant_id": "sp"}])
    assert city.client.get("/api/v1/me", headers=key).json()["scopes"] == []
    change(boss, "anna", roles=[{"role": "admin", "tenant_id": "kl"}])
    assert status(city, key, "users") == 200
    assert makers(boss)["ops"] == ("user:anna", False)


def test_the_brigades_key_ends_with_the_brigades_role(city: City, boss: TestClient) -> None:
    person(city, "chief", ADMIN, RoleGrant("drone_leader", "kl"))
    key = made(sign_in(city, "chief"), "brigade", "fire_drone:*", "*")
    assert "fire_drone" in city.client.get("/api/v1/me", headers=key).json()["kinds"]
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get("chief"), grants=(ADMIN,)))
    found = city.client.get("/api/v1/me", headers=key).json()
    assert "fire_drone" not in found["kinds"]
    assert found["scopes"] == ["*"]


def test_who_is_shut_out_loses_his_keys_for_good(city: City, boss: TestClient) -> None:
    key, other = made(sign_in(city, "anna"), "ops", "streetlight:read"), made(boss, "boss's", "streetlight:read")
    assert change(boss, "anna", name="Anna W.")["keys_revoked"] == []
    assert change(boss, "anna", disabled=True)["keys_revoked"] == ["ops"]
    assert (status(city, key), status(city, other)) == (401, 200)
    change(boss, "anna", disabled=False)
    assert status(city, key) == 401
    (entry,) = boss.get("/api/v1/audit?action=api_key.revoke").json()["items"]
    assert (entry["actor"], entry["tenant_id"]) == ("user:boss", "kl")
    assert entry["detail"] == {"name": "ops", "because": "maker_disabled"}


def test_who_is_removed_takes_his_keys_along(city: City, boss: TestClient) -> None:
    key = made(sign_in(city, "anna"), "ops", "streetlight:read")
    gone = boss.delete("/api/v1/users/anna")
    assert (gone.status_code, gone.json()) == (200, {"keys_revoked": ["ops"]})
    assert status(city, key) == 401
    person(city, "anna", ADMIN)
    assert status(city, key) == 401
    assert boss.delete("/api/v1/users/anna").status_code == 204


def test_who_leaves_one_town_keeps_the_keys_of_the_other(city: City, boss: TestClient) -> None:
    person(city, "eve", ADMIN, RoleGrant("admin", "sp"))
    eve = sign_in(city, "eve")
    here = made(eve, "here", "streetlight:read")
    assert eve.patch("/api/v1/me", json={"tenant_id": "sp"}).status_code == 200
    there = made(eve, "there", "streetlight:read")
    assert sign_in(city, "anna").delete("/api/v1/users/eve").json() == {"keys_revoked": ["here"]}
    assert (status(city, here), status(city, there)) == (401, 200)


def test_an_erased_maker_is_named_no_more(city: City, boss: TestClient) -> None:
    key = made(sign_in(city, "anna"), "ops", "streetlight:read")
    exported = boss.get("/api/v1/users/anna/export").json()
    assert [k["name"] for k in exported["records"]["api_keys"]] == ["ops"]
    assert "secret" not in str(exported)
    done = boss.post("/api/v1/users/anna/erase").json()
    assert (done["records"]["api_keys"], done["keys_revoked"]) == (1, ["ops"])
    assert makers(boss)["ops"] == (done["pseudonym"], True)
    assert status(city, key) == 401


@pytest.mark.parametrize("left", [(), (RoleGrant("viewer", "kl"),)], ids=["gone", "demoted"])
def test_no_key_is_made_while_its_maker_loses_the_right(
    city: City, boss: TestClient, left: tuple[RoleGrant, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """He asked while he still might, and it was his turn to write when he no longer did."""
    anna, answers, waits, write = sign_in(city, "anna"), [], threading.Event(), SqlRegistry.write

    def asked(registry: SqlRegistry) -> AbstractContextManager[RegistryTransaction]:
        waits.set()
        return write(registry)

    late = threading.Thread(target=lambda: answers.append(anna.post(URL, json={"name": "late", "scopes": ["*"]})))
    with city.registry.write() as tx:
        monkeypatch.setattr(SqlRegistry, "write", asked)
        late.start()
        assert waits.wait(10), "it is to write"
        users = tx.get(UserRepository)
        if left:
            users.change(replace(users.get("anna"), grants=left))
        else:
            users.remove("anna")
    late.join()
    assert answers[0].status_code == (403 if left else 401)
    assert "late" not in makers(boss)


def test_a_key_for_all_towns_that_ends_in_one_is_none_of_that_towns_business(city: City, boss: TestClient) -> None:
    """Its maker once kept the whole installation, and was an administrator of one town when he was removed."""
    person(city, "max", RoleGrant("admin"), ADMIN)
    made(sign_in(city, "max"), "whole city", "streetlight:read")
    change(boss, "max", roles=[{"role": "admin", "tenant_id": "kl"}])
    anna = sign_in(city, "anna")
    assert anna.delete("/api/v1/users/max").status_code == 204
    assert makers(boss)["whole city"] == ("user:max", True)
    revoked = "/api/v1/audit?action=api_key.revoke"
    assert [e["detail"]["name"] for e in boss.get(revoked).json()["items"]] == ["whole city"]
    assert anna.get(revoked).json()["items"] == []


def waits_for_a_lock(postgres: PostgresCluster, url: str) -> bool:
    """Whether somebody in this database waits for what somebody else holds."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with postgres.connect() as connection:
        return connection.execute(waiting, [url.rpartition("/")[2]]).fetchone() is not None


def test_who_is_erased_holds_nobody_up(
    open_city: Callable[[], City], postgres: PostgresCluster, postgres_url: str
) -> None:
    """On PostgreSQL who holds the audit log must not wait for rows of somebody who waits for the log."""
    opened, answers = open_city(), []
    with closing(open_registry(postgres_url, signer=opened.services.signer)) as registry:
        services = replace(opened.services, registry=registry)
        client = TestClient(create_app(services), base_url=ADDRESS)
        city = replace(opened, registry=registry, services=services, client=client)
        boss = city.key("*", name="boss", tenant_id="kl")
        person(city, "anna", ADMIN)
        made(sign_in(city, "anna"), "ops", "streetlight:read")
        with registry.write() as tx:
            tx.get(AlarmRepository).add([alarm("a1", acknowledged_by="Anna", acknowledged_us=NOW_US)])
        erase = threading.Thread(target=lambda: answers.append(client.post("/api/v1/users/anna/erase", headers=boss)))
        with registry.write() as tx:
            tx.get(AlarmRepository).note("a1", AlarmNote(NOW_US, "Bert", "comment", "seen"))
            erase.start()
            wait_until(lambda: waits_for_a_lock(postgres, postgres_url), what="it waits for the alarm")
            tx.get(AuditLog).append(AuditEvent("user:bert", "Bert", "kl", "alarm.note", "streetlight/alarm/a1"))
        erase.join()
        assert answers[0].json()["keys_revoked"] == ["ops"]
        assert makers(TestClient(client.app, base_url=ADDRESS, headers=boss))["ops"][1]
        with registry.read() as tx:
            actions = [entry.deed.action for entry in tx.get(AuditLog).after(0) if entry.deed]
    assert actions[-3:] == ["alarm.note", "user.erase", "api_key.revoke"]
