"""The command line against a real API: who signs in how, what is shown, what a device did, and what went wrong."""

import base64
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from httpx2 import Client

from application.ports.alarms import AlarmRepository
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.registry import Registry
from devices.alarms import Alarm
from devices.messages import EventSeverity
from storage.registry.engine import open_registry
from tests.real_parts.brokers import Broker
from tests.system.installation import Installation, running
from tests.system.lamps import Lamps
from tests.system.terminal import Terminal

LAMPS = ["L01", "L02", "L03"]
PASSWORD = "a long enough one"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def town(mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("town"), mosquitto) as installation:
        installation.register("kl", LAMPS)
        registry = open_registry(installation.registry_url, migrate=False)
        try:
            _fill(registry)
        finally:
            registry.close()
        yield installation


def _fill(registry: Registry) -> None:
    now_us = time.time_ns() // 1000
    with registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("street", "kl", "streetlight", "Street", tuple(LAMPS), version=0))
        alarm = ("a1", "L01", "kl", "streetlight", "lamp_failure", "", EventSeverity.WARNING)
        tx.get(AlarmRepository).add([Alarm(*alarm, now_us, now_us, None, None, None, None, {})])


@pytest.fixture
def nobody(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "nobody")


@pytest.fixture(scope="module")
def admin(town: Installation, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Signed in with a key that may do everything."""
    terminal = Terminal(tmp_path_factory.mktemp("admin"))
    terminal("login", town.rest.address, "--key", "-", typed=town.rest.key)
    return terminal


def test_a_link_a_password_and_a_session(town: Installation, admin: Terminal, nobody: Terminal) -> None:
    made = admin.value("user", "add", "anna", "--role", "light_operator", "--tenant", "kl", "--called", "Anna")
    nobody("login", made["invitation"]["link"], typed=f"{PASSWORD}\n")
    assert nobody.value("me")["roles"] == ["light_operator"]
    kept = nobody.home / "lautern" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    session = re.search(r'"session": "([^"]+)"', kept.read_text())
    nobody("logout")
    assert not kept.exists()
    assert "lautern login" in nobody("me", code=5)
    nobody("login", town.rest.address, "--name", "anna", code=5, typed="not her password\n")
    nobody("login", town.rest.address, "--name", "anna", typed=f"{PASSWORD}\n")
    assert session is not None
    assert session[1] not in kept.read_text()


def test_who_lets_others_in_enrols_in_a_browser_and_types_codes_from_then_on(
    town: Installation, admin: Terminal, nobody: Terminal
) -> None:
    made = admin.value("user", "add", "berta", "--role", "admin", "--tenant", "kl")
    assert "enrol one" in nobody("login", made["invitation"]["link"], code=2)
    link = admin.value("user", "link", "berta")["link"]
    with Client(base_url=town.rest.address, headers={"Origin": town.rest.address}) as browser:
        me = browser.post("/api/v1/login", json={"token": link.partition("token=")[2]}).json()
        assert me["second_step"] == "enrol"
        secret = browser.post("/api/v1/me/second-factors/app").json()["secret"]
        code = TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(time.time()).decode()
        done = browser.post("/api/v1/me/second-factors/app/confirm", json={"code": code}).json()
        assert browser.post("/api/v1/me/password", json={"new": PASSWORD}).status_code == 204
    nobody("login", town.rest.address, "--name", "berta", typed=f"{PASSWORD}\n{done['recovery_codes'][0]}\n")
    assert nobody.value("me")["roles"] == ["admin"]
    admin("user", "reset-second-factor", "berta", "--yes")
    assert "enrol one" in nobody("login", town.rest.address, "--name", "berta", code=2, typed=f"{PASSWORD}\n")


def test_the_environment_goes_before_and_a_kept_secret_goes_to_its_own_address_only(
    town: Installation, admin: Terminal, nobody: Terminal
) -> None:
    by_environment = {"LAUTERN_URL": town.rest.address, "LAUTERN_API_KEY": town.rest.key}
    assert nobody.run("device", "list", environment=by_environment).returncode == 0
    elsewhere = admin.run("device", "list", environment={"LAUTERN_URL": "http://127.0.0.1:9"})
    assert (elsewhere.returncode, elsewhere.stdout) == (5, "")


def test_devices_are_shown_in_plain_columns_where_there_is_no_terminal(admin: Terminal) -> None:
    lines = admin("device", "list", "--kind", "streetlight").splitlines()
    assert lines[0].split() == ["id", "kind", "name", "status", "town"]
    assert [line.split()[0] for line in lines[1:]] == LAMPS
    assert admin.value("device", "show", "L01")["id"] == "L01"
    assert [d["id"] for d in admin.value("device", "list", "--count", "2")] == LAMPS[:2]


def test_a_street_is_dimmed_and_each_lamp_has_done_it(admin: Terminal, mosquitto: Broker) -> None:
    with Lamps(mosquitto, LAMPS) as lamps:
        done = admin.value("command", "dim", "group/street", "level_pct=80", "--for", "5m", "--reason", "x", "--wait")
        assert done["counts"] == {"applied": len(LAMPS)}
        assert all(len(ids) == 1 for ids in lamps.executed.values())
    assert admin("command", "list", "--group", "street").count("applied") == len(LAMPS)


def test_a_lamp_that_does_not_answer_is_exit_code_6(admin: Terminal) -> None:
    sent = admin.value("command", "dim", "L01", "level_pct=10", "--for", "5m", "--wait", "--timeout", "2s", code=6)
    assert sent["delivery"] in {"queued", "sent"}
    cancelled = admin.value("command", "cancel", sent["id"])
    assert cancelled["cancel_requested_at"]


def test_without_wait_it_is_filed(admin: Terminal) -> None:
    filed = admin.value("command", "send", "dim", "L02", "level_pct=10", "--for", "5m", "--within", "1s")
    assert admin.value("command", "show", filed["id"])["arguments"]["level_pct"] == 10


def test_a_refusal_is_one_sentence_that_names_the_field(admin: Terminal) -> None:
    for arguments, field in (
        (("command", "dim", "L01", "level_pct=800"), "arguments.level_pct"),
        (("command", "dance", "L01"), "name: streetlight has no command dance"),
        (("command", "dim", "L01", "80"), "FIELD=VALUE"),
        (("command", "dim", "L01", "level_pct=8", "--for", "5 minutes"), "--for"),
        (("device", "list", "--status", "drunk"), "query.status"),
        (("key", "create", "x", "--scope", "fire_drone:shoot", "--tenant", "!"), "tenant_id"),
    ):
        said = admin(*arguments, code=2)
        assert said.startswith("lautern: ")
        assert said.count("\n") == 1
        assert field in said


def test_what_is_not_there_is_exit_code_1(admin: Terminal) -> None:
    assert "There is no such thing here" in admin("device", "show", "L99", code=1)


def test_an_alarm_is_acknowledged(admin: Terminal) -> None:
    (alarm,) = admin.value("alarm", "list", "--device", "L01")
    admin("alarm", "ack", alarm["id"], "--comment", "crew is on its way")
    assert "crew is on its way" in admin("alarm", "list")


def test_keys_are_made_and_revoked_by_name(admin: Terminal, town: Installation, nobody: Terminal) -> None:
    key = admin("key", "create", "screen", "--scope", "streetlight:read", "--tenant", "kl", "--days", "2").strip()
    nobody("login", town.rest.address, "--key", key)
    assert len(nobody.value("device", "list")) == len(LAMPS)
    assert "scope users:admin is missing" in nobody("user", "list", code=5)
    admin("key", "revoke", "screen")
    nobody("device", "list", code=5)


def test_roles_are_given_and_taken_and_people_shut_out(admin: Terminal) -> None:
    admin("user", "add", "bert", "--role", "viewer", "--tenant", "kl")
    given = ("--give", "light_operator", "--take", "viewer", "--tenant", "kl", "--limit", "group/street")
    assert admin.value("user", "roles", "bert", *given) == [
        {"role": "light_operator", "tenant_id": "kl", "limits": ["group/street"]}
    ]
    admin("user", "disable", "bert")
    assert re.search(r"^bert .*disabled", admin("user", "list"), re.MULTILINE)
    admin("user", "enable", "bert")
    assert "no password" in admin("user", "list")


def test_the_machine_itself_needs_no_login(town: Installation, nobody: Terminal) -> None:
    found = nobody.value("device", "list", "--data-dir", str(town.folder))
    assert [device["id"] for device in found] == LAMPS


def test_an_api_that_is_away_is_exit_code_3(nobody: Terminal) -> None:
    away = {"LAUTERN_URL": "http://127.0.0.1:9", "LAUTERN_API_KEY": "lk.x"}
    done = nobody.run("device", "list", environment=away)
    assert done.returncode == 3
    assert done.stderr.startswith("lautern: The API cannot be reached. http://127.0.0.1:9")
