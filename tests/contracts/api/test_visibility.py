"""What is not yours is not there: other tenants' things, and restricted kinds without their scope."""

import json
from typing import Any

import pytest

from application.access.roles import RoleGrant
from application.ports.alarms import AlarmRepository
from application.ports.commands import CommandRepository
from application.ports.dead_letters import DeadLetter, DeadLetters
from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository, UnknownDevice
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.message_ledger import MessageLedger, SequenceGap
from devices.alarms import Alarm
from devices.commands.command import Command
from devices.messages import EventSeverity
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person, sign_in

MARK = "secretfritz"


def _fill(city: City, kind: str, tenant_id: str, name: str) -> None:
    """One of everything, each bearing `name`."""
    city.asset(name, kind, tenant_id)
    with city.registry.write() as tx:
        tx.get(LatestValues).put([LatestValue(name, kind, tenant_id, "telemetry", "", NOW_US, NOW_US, {"x": 1})])
        tx.get(GroupRepository).put(AssetGroup(f"g-{name}", tenant_id, kind, name, (name,), 0))
        tx.get(AssetRepository).note_unknown([UnknownDevice(f"u-{name}", tenant_id, kind, NOW_US, NOW_US, 1)])
        tx.get(AlarmRepository).add(
            [
                Alarm(
                    alarm_id=f"a-{name}",
                    asset_id=name,
                    tenant_id=tenant_id,
                    kind=kind,
                    name="silent",
                    part="",
                    severity=EventSeverity.MAJOR,
                    since_us=NOW_US,
                    raised_us=NOW_US,
                    cleared_us=None,
                    acknowledged_us=None,
                    acknowledged_by=None,
                    comment=None,
                    details={},
                )
            ]
        )
        tx.get(CommandRepository).add(
            [
                Command(
                    f"c-{name}", f"w-{name}", tenant_id, kind, name, f"g-{name}", "x", {}, "i", "", NOW_US, NOW_US + 1
                )
            ]
        )
        tx.get(DeadLetters).add(
            [DeadLetter(f"l-{name}", NOW_US, name.encode(), b"{}", "bad_json", "", tenant_id, kind, f"d-{name}")]
        )
        tx.get(MessageLedger).count({(kind, "messages", "received"): 1})
        tx.get(MessageLedger).put_gaps([SequenceGap(f"d-{name}", kind, tenant_id, "b", 1, 9, 8, 1, NOW_US)])


LISTS = (
    "/api/v1/devices?retired=true",
    "/api/v1/devices/unknown",
    "/api/v1/telemetry/latest?kind=fire_drone",
    "/api/v1/telemetry/latest?kind=streetlight",
    "/api/v1/groups",
    "/api/v1/commands",
    "/api/v1/alarms",
    "/api/v1/city",
    "/api/v1/dead-letters",
    "/api/v1/ledger/gaps",
)
SINGLES = (
    ("GET", "/api/v1/devices/{}"),
    ("PATCH", "/api/v1/devices/{}"),
    ("DELETE", "/api/v1/devices/{}"),
    ("GET", "/api/v1/devices/{}/bindings"),
    ("POST", "/api/v1/devices/{}/replace"),
    ("GET", "/api/v1/devices/{}/config"),
    ("PUT", "/api/v1/devices/{}/config"),
    ("GET", "/api/v1/devices/{}/latest"),
    ("GET", "/api/v1/devices/{}/telemetry"),
    ("GET", "/api/v1/devices/{}/telemetry?bucket=5m"),
    ("GET", "/api/v1/devices/{}/series"),
    ("GET", "/api/v1/devices/{}/events"),
    ("GET", "/api/v1/devices/{}/commands"),
    ("POST", "/api/v1/devices/{}/commands"),
    ("POST", "/api/v1/devices/unknown/u-{}/approve"),
    ("DELETE", "/api/v1/devices/unknown/u-{}"),
    ("GET", "/api/v1/devices?group=g-{}"),
    ("GET", "/api/v1/groups/g-{}"),
    ("PATCH", "/api/v1/groups/g-{}"),
    ("DELETE", "/api/v1/groups/g-{}"),
    ("POST", "/api/v1/groups/g-{}/commands"),
    ("GET", "/api/v1/commands/c-{}"),
    ("POST", "/api/v1/commands/c-{}/cancel"),
    ("GET", "/api/v1/group-commands/w-{}"),
    ("POST", "/api/v1/group-commands/w-{}/cancel"),
    ("GET", "/api/v1/alarms/a-{}"),
    ("POST", "/api/v1/alarms/a-{}/acknowledge"),
    ("POST", "/api/v1/alarms/a-{}/shelve"),
    ("POST", "/api/v1/alarms/a-{}/unshelve"),
    ("POST", "/api/v1/alarms/a-{}/comment"),
    ("GET", "/api/v1/dead-letters/l-{}"),
    ("POST", "/api/v1/dead-letters/l-{}/replay"),
)
BODIES: dict[str, Any] = {
    "replace": {"device_id": "new"},
    "commands": {"name": "dim"},
    "config": {},
    "acknowledge": {},
    "shelve": {"duration_s": 60},
    "comment": {"comment": "x"},
    "approve": {},
}
CASES = pytest.mark.parametrize(
    ("kind", "tenant_id", "of"),
    [("fire_drone", "kl", None), ("fire_drone", "kl", "kl"), ("streetlight", "speyer", "kl")],
)


@CASES
def test_lists_do_not_show_it(city: City, kind: str, tenant_id: str, of: str | None) -> None:
    _fill(city, kind, tenant_id, MARK)
    key = city.key("*", tenant_id=of)
    for url in LISTS:
        answer = city.client.get(url, headers=key)
        assert answer.status_code == 200, (url, answer.text)
        assert MARK not in answer.text, url


@CASES
def test_every_single_one_reads_like_one_that_does_not_exist(
    city: City, kind: str, tenant_id: str, of: str | None
) -> None:
    _fill(city, kind, tenant_id, MARK)
    key = city.key("*", tenant_id=of) | {"If-Match": "*"}
    for method, path in SINGLES:
        body = BODIES.get(path.rsplit("/", 1)[-1], {}) if method != "GET" else None
        answers = [city.client.request(method, path.format(n), headers=key, json=body) for n in (MARK, "nobody")]
        assert [a.status_code for a in answers] == [404, 404], (method, path, answers[0].text)
        mine, nobody = (json.dumps({**a.json(), "request_id": "", "instance": ""}) for a in answers)
        assert mine == nobody, (method, path)


def test_the_same_is_there_for_its_own_people(city: City) -> None:
    _fill(city, "fire_drone", "kl", MARK)
    key = city.key("*", "fire_drone:*", tenant_id="kl")
    for url in LISTS:
        if "streetlight" not in url:
            assert MARK in city.client.get(url, headers=key).text, url
    for method, path in SINGLES:
        if method == "GET":
            assert city.client.get(path.format(MARK), headers=key).status_code == 200, path


def test_the_ledger_counts_only_kinds_the_key_may_read(city: City) -> None:
    _fill(city, "fire_drone", "kl", MARK)
    _fill(city, "streetlight", "kl", "lamp")
    ledger = city.client.get("/api/v1/ledger", headers=city.key("*")).json()["items"]
    assert {line["kind"] for line in ledger} == {"streetlight"}
    whole = city.client.get("/api/v1/ledger", headers=city.key("*", "fire_drone:read")).json()["items"]
    assert {line["kind"] for line in whole} == {"streetlight", "fire_drone"}
    assert city.client.get("/api/v1/ledger", headers=city.key("*", tenant_id="kl")).status_code == 403


def test_letters_of_no_known_kind_are_only_for_keys_that_see_all_kinds(city: City) -> None:
    with city.registry.write() as tx:
        tx.get(DeadLetters).add([DeadLetter("l1", NOW_US, b"\xff/x", b"\xff\x00", "bad_topic", "", None, None, None)])
    url = "/api/v1/dead-letters"
    assert city.client.get(url, headers=city.key("*")).json()["items"] == []
    assert city.client.get(f"{url}/l1", headers=city.key("*")).status_code == 404
    whole = city.key("*", "fire_drone:read")
    answer = city.client.get(f"{url}/l1", headers=whole)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["payload_base64"], shown["payload_text"], shown["topic"]) == ("/wA=", "\ufffd\x00", "\ufffd/x")
    assert city.client.post(f"{url}/l1/replay", headers=whole).status_code == 202


def test_tenants_are_counted_by_what_is_visible(city: City) -> None:
    _fill(city, "fire_drone", "bund", MARK)
    _fill(city, "streetlight", "kl", "lamp")
    listed = city.client.get("/api/v1/tenants", headers=city.key("*")).json()["items"]
    assert [(t["tenant_id"], t["devices"]) for t in listed] == [("bund", 0), ("kl", 1)]
    listed = city.client.get("/api/v1/tenants", headers=city.key("*", tenant_id="kl")).json()["items"]
    assert [(t["tenant_id"], t["devices"]) for t in listed] == [("kl", 1)]


def test_a_role_for_a_group_opens_nothing_of_a_kind_it_does_not_read(city: City) -> None:
    """A group may go and come again under its id, of another kind."""
    _fill(city, "fire_drone", "kl", MARK)
    person(city, "lotte", RoleGrant("light_operator", "kl", frozenset({f"group/g-{MARK}"})))
    browser = sign_in(city, "lotte")
    for path in ("devices", "groups", "city", "alarms", "commands", "streetlights", "light-groups", "light-night"):
        assert MARK not in browser.get(f"/api/v1/{path}").text, path


def test_gaps_of_another_town_do_not_hide_mine(city: City) -> None:
    with city.registry.write() as tx:
        gaps = [SequenceGap("mine", "streetlight", "kl", "b", 1, 9, 8, 1, NOW_US)]
        gaps += [SequenceGap(f"d{n}", "streetlight", "sp", "b", 1, 9, 8, 1, NOW_US + 1) for n in range(3)]
        tx.get(MessageLedger).put_gaps(gaps)
    found = city.client.get("/api/v1/ledger/gaps?limit=2", headers=city.key("*", tenant_id="kl")).json()["items"]
    assert [gap["device_id"] for gap in found] == ["mine"]


def test_a_kind_that_there_is_not_is_named_and_so_is_a_town_that_is_not_said(city: City) -> None:
    everywhere = city.key("*")
    answer = city.client.get("/api/v1/devices?kind=toaster", headers=everywhere)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.kind")
    answer = city.client.post("/api/v1/groups", json={"kind": "streetlight", "name": "all"}, headers=everywhere)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "tenant_id")
    assert "say which" in answer.json()["errors"][0]["message"]
