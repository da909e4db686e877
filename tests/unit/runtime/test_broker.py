"""The embedded broker's users: who may say what, and where their passwords are."""

import stat
from pathlib import Path

import pytest

from devices.topics import CONTROL_CHANNELS, uplink_filters
from runtime.broker.mosquitto_conf import MosquittoConf
from runtime.broker.mqtt_streams import max_file_mb, never_retained, stream_bounds
from runtime.broker.nats_conf import MAX_ACK_PENDING, NatsConf, TlsFiles, device_permissions
from runtime.broker.service_passwords import ServicePasswords
from runtime.broker.subjects import filter_subjects

LAMP = "kl/streetlight/L01"
INSIDE = {"gateway": "g" * 32, "setup": "s" * 32, "system": "y" * 32, "callout": "d" * 32}


def conf(passwords: dict[str, str], tls: TlsFiles | None = None) -> str:
    conf = NatsConf(
        host="127.0.0.1",
        mqtt_port=1883,
        client_host="127.0.0.1",
        client_port=4222,
        store="/data",
        max_store_mb=64,
        sync_always=False,
        root="city/v1",
        passwords=passwords,
        issuer="A" * 56,
        tls=tls,
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
    assert filter_subjects("a/b", tail) == expected


def test_a_device_writes_its_own_topics_only() -> None:
    events = {"streetlight": ["door_open"], "drone": ["takeoff"]}
    publish, subscribe = device_permissions(LAMP, "city/v1", events)
    assert [subject for subject in publish if ".event." in subject] == ["city.v1.kl.streetlight.L01.event.door_open"]
    assert not any("*" in subject or ">" in subject for subject in publish), "a wildcard is a place without bound"
    assert all(subject.startswith("city.v1.kl.streetlight.L01.") for subject in publish)
    assert not any("cmd" in subject or "config" in subject for subject in publish)
    others = [subject for subject in subscribe if not subject.startswith("city.v1.kl.streetlight.L01.")]
    assert others == ["city.v1.kl.group.*.cmd", "city.v1.kl.group.*.cmd.>"]


def test_a_connector_writes_below_its_own_topics_too_and_by_the_same_pattern_on_both_brokers() -> None:
    publish, subscribe = device_permissions(LAMP, "city/v1", {}, connector=True)
    assert all(subject.startswith("city.v1.kl.streetlight.L01.") for subject in publish)
    below = [subject for subject in (*publish, *subscribe) if ".member." in subject]
    assert len(below) == len({"status", "info", "state", "telemetry", "ack", "event.*", "config", "cmd", "cmd.>"})
    assert all(subject.startswith("city.v1.kl.streetlight.L01.member.*.*.") for subject in below)
    acl = MosquittoConf(folder=Path("/etc/m"), outage_s=1, rate_per_s=1, root="city/v1", events=()).acl([LAMP])
    patterns, _, own = acl.partition(f"\nuser {LAMP}\n")
    assert "member" not in patterns
    lines = [line.split() for line in own.splitlines()]
    written = {topic for _, right, topic in lines if right == "write"}
    assert subjects_of(written) == {subject for subject in publish if ".member." in subject}
    read = {topic for _, right, topic in lines if right == "read"}
    assert subjects_of(read) == {subject for subject in subscribe if ".member." in subject}


def subjects_of(filters: set[str]) -> set[str]:
    return {subject for one in filters for subject in filter_subjects(*one.split("/", 1))}


def test_every_user_has_an_allow_list() -> None:
    accounts = conf({**INSIDE, "simulators": "x" * 32}).partition("LAUTERN {")[2].partition("CALLOUT {")[0]
    users = [line for line in accounts.splitlines() if "{ user:" in line]
    assert len(users) == 3
    assert all("permissions: { publish: [" in line and "subscribe: [" in line for line in users)


def test_simulators_connect_only_where_they_were_asked_for() -> None:
    assert "simulators" not in conf(INSIDE)
    assert 'user: "simulators"' in conf({**INSIDE, "simulators": "x" * 32})


def test_a_device_with_all_its_filters_stays_below_what_a_session_may_have() -> None:
    slots_of_a_connector = (1 + 2 + 2) + (1 + 2)
    slots_of_the_control_lane = len(uplink_filters(CONTROL_CHANNELS))
    assert max(slots_of_a_connector, slots_of_the_control_lane) * MAX_ACK_PENDING <= 65_535


def test_a_password_is_made_once_and_only_we_read_it(tmp_path: Path) -> None:
    logins = ServicePasswords(tmp_path / "broker")
    password = logins.password("gateway")
    assert len(password) == 32
    assert logins.password("gateway") == password
    assert logins.password("setup") != password
    assert stat.S_IMODE(logins.password_file("gateway").stat().st_mode) == 0o600


def test_mosquitto_holds_what_an_outage_brings() -> None:
    conf = MosquittoConf(folder=Path("/etc/m"), outage_s=3600, rate_per_s=10, root="city/v1", events=("door_open",))
    text = conf.text()
    assert f"max_queued_bytes {3600 * 10 * 1536}" in text
    assert "max_queued_messages 0" in text
    assert text.count("allow_anonymous false") == text.count("\nlistener ") == 2
    assert "pattern write city/v1/%u/telemetry" in conf.acl()
    assert "pattern write city/v1/%u/event/door_open" in conf.acl()
    assert not any("+" in line for line in conf.acl().splitlines() if line.startswith("pattern write"))


@pytest.mark.parametrize("queue_mb", [64, 1024, 100_000])
def test_each_stream_reaches_its_own_bound_before_the_disks(queue_mb: int) -> None:
    together = sum(bound.max_bytes for bound in stream_bounds(queue_mb * 2**20).values())
    assert together + 256 * 2**20 <= max_file_mb(queue_mb) * 2**20


def test_what_may_be_retained_is_not_dropped() -> None:
    dropped = list(never_retained("city/v1"))
    assert "$MQTT.rmsgs.city.v1.*.*.*.event.>" in dropped
    assert "$MQTT.rmsgs.city.v1.*.*.*.telemetry" in dropped
    kept = ("status", "info", "state", "config")
    assert not any(subject.endswith((*(f".{channel}" for channel in kept), ".*")) for subject in dropped)
