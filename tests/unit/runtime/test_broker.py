"""The embedded broker's users: who may say what, and where their passwords are."""

import stat
from pathlib import Path

import pytest

from devices.errors import ConfigurationError, Invalid
from runtime.broker import mosquitto_conf
from runtime.broker.logins import Logins
from runtime.broker.nats_conf import MAX_ACK_PENDING, NatsConf, device_permissions, subjects

LAMP = "kl/streetlight/L01"
INSIDE = {"gateway": "g" * 32, "setup": "s" * 32, "system": "y" * 32}


def conf(passwords: dict[str, str], devices: dict[str, str]) -> str:
    conf = NatsConf(
        host="127.0.0.1",
        mqtt_port=1883,
        client_port=4222,
        store="/data",
        max_store_mb=64,
        sync_always=False,
        root="city/v1",
        passwords=passwords,
        devices=devices,
    )
    return conf.text()


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("status", ["a.b.status"]),
        ("event/+", ["a.b.event.*"]),
        ("cmd/#", ["a.b.cmd", "a.b.cmd.>"]),
        ("#", ["a.b", "a.b.>"]),
    ],
)
def test_a_filter_becomes_the_subjects_that_match_it(tail: str, expected: list[str]) -> None:
    assert subjects("a/b", tail) == expected


def test_a_device_writes_its_own_topics_only() -> None:
    publish, subscribe = device_permissions(LAMP, "city/v1")
    assert all(subject.startswith("city.v1.kl.streetlight.L01.") for subject in publish)
    assert not any("cmd" in subject or "config" in subject for subject in publish)
    others = [subject for subject in subscribe if not subject.startswith("city.v1.kl.streetlight.L01.")]
    assert others == ["city.v1.kl.group.*.cmd", "city.v1.kl.group.*.cmd.>"]


def test_every_user_has_an_allow_list() -> None:
    users = [line for line in conf(INSIDE, {LAMP: "p" * 32}).splitlines() if "{ user:" in line and "system" not in line]
    assert len(users) == 3
    assert all("permissions: { publish: [" in line and "subscribe: [" in line for line in users)


def test_simulators_connect_only_where_they_were_asked_for() -> None:
    assert "simulators" not in conf(INSIDE, {})
    assert 'user: "simulators"' in conf({**INSIDE, "simulators": "x" * 32}, {})


def test_a_device_with_all_its_filters_stays_below_what_a_session_may_have() -> None:
    slots_of_a_device = 1 + 2 + 2
    slots_of_the_control_lane = 4
    assert max(slots_of_a_device, slots_of_the_control_lane) * MAX_ACK_PENDING <= 65_535


def test_a_password_is_made_once_and_only_we_read_it(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "broker")
    password = logins.password("gateway")
    assert len(password) == 32
    assert logins.password("gateway") == password
    assert logins.password("setup") != password
    assert stat.S_IMODE(logins.password_file("gateway").stat().st_mode) == 0o600


def test_a_device_gets_and_loses_its_login(tmp_path: Path) -> None:
    logins = Logins(tmp_path)
    password = logins.put_device(LAMP)
    assert logins.devices() == {LAMP: password}
    assert stat.S_IMODE(logins.devices_file.stat().st_mode) == 0o600
    logins.drop_device(LAMP)
    assert logins.devices() == {}


@pytest.mark.parametrize(
    "user", ["gateway", "kl/streetlight", "kl/streetlight/L01/x", "kl/street light/L01", 'kl/a/"', "kl/*/L01"]
)
def test_a_name_that_is_no_device_is_refused(user: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        Logins(tmp_path).put_device(user)


def test_a_spoilt_file_of_logins_is_named(tmp_path: Path) -> None:
    (tmp_path / "devices.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"devices\.json"):
        Logins(tmp_path).devices()


def test_mosquitto_holds_what_an_outage_brings() -> None:
    text = mosquitto_conf.text(outage_s=3600, rate_per_s=10)
    assert f"max_queued_bytes {3600 * 10 * 1536}" in text
    assert "max_queued_messages 0" in text
    assert "allow_anonymous false" in text
