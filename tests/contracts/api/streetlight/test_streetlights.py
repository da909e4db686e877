"""Streetlights over the API, on a real registry."""

from typing import Any

import pytest

from application.ports.commands import CommandRepository
from application.ports.latest_values import LatestValue, LatestValues
from devices.commands import lifecycle
from devices.commands.command import Command, DeliveryState
from devices.messages import AckStatus
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from tests.contracts.api.conftest import NOW_US, City

STATE = {
    "level_pct": 80.0,
    "command_level_pct": 80.0,
    "command_reason": "override",
    "command_until": rfc3339(NOW_US + HOUR_US),
    "plan_level_pct": 30.0,
    "override_active": True,
}
BY_PLAN = {"level_pct": 30.0, "command_level_pct": 30.0, "command_reason": "program", "override_active": False}
URL = "/api/v1/streetlights"
GROUPS = "/api/v1/light-groups"


@pytest.fixture
def key(city: City) -> dict[str, str]:
    """Key of a light operator; two lamps are registered, and a drone."""
    for lamp in ("L01", "L02"):
        city.asset(lamp)
    city.asset("fritz", "fire_drone")
    return city.key("streetlight:read", "lights:dim", "groups:write", tenant_id="kl", name="Erika")


def told(city: City, asset_id: str, channel: str, values: dict[str, Any], age_s: float = 1) -> None:
    """The gateway has heard this of a lamp."""
    at_us = NOW_US - round(age_s * SECOND_US)
    with city.registry.write() as tx:
        tx.get(LatestValues).put([LatestValue(asset_id, "streetlight", "kl", channel, "", at_us, at_us, values)])


def get(city: City, key: dict[str, str], path: str) -> Any:
    answer = city.client.get(path, headers=key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def answered(city: City, asset_id: str, status: AckStatus, reason: str | None = None) -> None:
    """A lamp has answered its newest command."""
    with city.registry.write() as tx:
        commands = tx.get(CommandRepository)
        command: Command = commands.find(asset_id=asset_id).items[0]
        commands.record([lifecycle.on_ack(command, status, reason, NOW_US, NOW_US)])


def test_a_lamp_shows_what_it_does_what_is_in_force_and_what_was_asked(city: City, key: dict[str, str]) -> None:
    told(city, "L01", "state", STATE)
    told(city, "L01", "telemetry", {"level_pct": 79.0, "power_w": 46.5}, age_s=0.5)
    body = {"name": "dim", "arguments": {"level_pct": 80}, "duration_s": 600, "reason": "Stadtfest"}
    assert city.client.post("/api/v1/devices/L01/commands", json=body, headers=key).status_code == 202
    lamp, silent = get(city, key, URL)["items"]
    assert (lamp["level_pct"], lamp["power_w"], lamp["plan_level_pct"]) == (79.0, 46.5, 30.0)
    assert lamp["level_at"] == lamp["power_at"] == rfc3339(NOW_US - SECOND_US // 2)
    assert lamp["in_force"] == {
        "level_pct": 80.0, "reason": "override", "ref": None, "until": rfc3339(NOW_US + HOUR_US)
    }  # fmt: skip
    asked = lamp["asked"][0]
    assert (asked["level_pct"], asked["issuer"], asked["reason"], asked["delivery"], asked["effect"]) == (
        80.0, "Erika", "Stadtfest", "queued", "pending"
    )  # fmt: skip
    assert (silent["id"], silent["level_pct"], silent["in_force"], silent["asked"]) == ("L02", None, None, [])


def test_the_explanation_is_a_sentence_with_reason_end_and_what_follows(city: City, key: dict[str, str]) -> None:
    body = {"name": "dim", "arguments": {"level_pct": 80}, "duration_s": 3600, "reason": "Stadtfest"}
    command_id = city.client.post("/api/v1/devices/L01/commands", json=body, headers=key).json()["id"]
    answered(city, "L01", AckStatus.APPLIED)
    told(city, "L01", "state", STATE | {"command_ref": command_id})
    sentence = get(city, key, f"{URL}/L01/explanation")["sentence"]
    clock = rfc3339(NOW_US + HOUR_US)
    assert sentence == (
        f"L01 is set to 80 % until {clock[:10]} {clock[11:16]} UTC: an operator's command from Erika (Stadtfest). "
        "Without it the lamp would be at 30 %."
    )


@pytest.mark.parametrize(
    ("told_of", "expected"),
    [
        ({}, "L01 has not said yet what it is set to."),
        ({"state": BY_PLAN}, "L01 is set to 30 %: its light program."),
        ({"state": BY_PLAN, "telemetry": {"level_pct": 100.0}},
         "L01 is set to 30 %: its light program. It says it is at 100 %."),
        ({"state": BY_PLAN | {"command_reason": "fallback"}},
         "L01 is set to 30 %: its fallback level, as it has no valid clock or program."),
    ],
    ids=["nothing known", "plan", "lamp differs", "fallback"],
)  # fmt: skip
def test_what_is_doubtful_is_said(city: City, key: dict[str, str], told_of: dict[str, Any], expected: str) -> None:
    for channel, values in told_of.items():
        told(city, "L01", channel, values, age_s=1 if channel == "telemetry" else 2)
    assert get(city, key, f"{URL}/L01/explanation")["sentence"] == expected


def test_an_offline_lamp_and_an_unanswered_command_are_named(city: City, key: dict[str, str]) -> None:
    told(city, "L01", "state", BY_PLAN)
    told(city, "L01", "status", {"state": "offline"})
    body = {"name": "dim", "arguments": {"level_pct": 80}}
    city.client.post("/api/v1/devices/L01/commands", json=body, headers=key)
    sentence = get(city, key, f"{URL}/L01/explanation")["sentence"]
    assert "A command for 80 % from Erika has no answer yet." in sentence
    assert "The lamp is offline since" in sentence
    german = get(city, key, f"{URL}/L01/explanation?lang=de")["sentence"]
    assert german.startswith("L01: 30 %, nach Programm. Befehl von Erika: 80 %, wartet auf Versand. Die Leuchte ist ")


def test_what_waits_and_that_it_is_offline_is_said_of_a_lamp_that_told_no_level(
    city: City, key: dict[str, str]
) -> None:
    told(city, "L01", "status", {"state": "offline"})
    city.client.post("/api/v1/devices/L01/commands", json={"name": "dim", "arguments": {"level_pct": 80}}, headers=key)
    lamp = get(city, key, f"{URL}/L01")
    assert [reason["code"] for reason in lamp["why"]] == ["unknown", "pending", "offline_since"]


def test_the_reasons_of_a_list_are_codes_with_what_fills_them(city: City, key: dict[str, str]) -> None:
    told(city, "L01", "state", STATE)
    first, silent = get(city, key, URL)["items"]
    until = rfc3339((NOW_US + HOUR_US) // MINUTE_US * MINUTE_US)
    assert first["why"] == [
        {
            "code": "set_until",
            "params": {"level_pct": 80.0, "cause": {"code": "cause.override", "params": {}}, "until_at": until},
        },
        {"code": "otherwise", "params": {"level_pct": 30.0}},
    ]
    assert [reason["code"] for reason in silent["why"]] == ["unknown"]


def test_nobody_sees_another_towns_lamps_or_a_drone_as_a_lamp(city: City, key: dict[str, str]) -> None:
    city.asset("X01", tenant_id="trier")
    assert [lamp["id"] for lamp in get(city, key, URL)["items"]] == ["L01", "L02"]
    for path in (f"{URL}/X01", f"{URL}/fritz", f"{URL}/nobody", f"{URL}/X01/explanation"):
        assert city.client.get(path, headers=key).status_code == 404, path
    other = city.key("drones:read", tenant_id="kl")
    assert city.client.get(URL, headers=other).status_code == 403


def test_lamps_are_listed_by_group_and_page_by_page(city: City, key: dict[str, str]) -> None:
    city.client.post(GROUPS, json={"id": "fauthweg", "name": "Fauthweg", "members": ["L02"]}, headers=key)
    assert [x["id"] for x in get(city, key, f"{URL}?group=fauthweg")["items"]] == ["L02"]
    first = get(city, key, f"{URL}?limit=1")
    assert [x["id"] for x in get(city, key, f"{URL}?limit=1&cursor={first['next_cursor']}")["items"]] == ["L02"]


def test_a_light_group_lives_from_creation_to_removal(city: City, key: dict[str, str]) -> None:
    told(city, "L01", "status", {"state": "online"})
    wanted = {"id": "fauthweg", "name": "Fauthweg", "members": ["L01", "L02", "L01"]}
    made = city.client.post(GROUPS, json=wanted, headers=key)
    assert made.status_code == 201
    assert (made.json()["members"], made.json()["online"]) == (["L01", "L02"], 1)
    path, tag = f"{GROUPS}/fauthweg", made.headers["ETag"]
    assert city.client.post(GROUPS, json=wanted, headers=key).status_code == 409
    assert city.client.patch(path, json={"members": ["L02"]}, headers=key).status_code == 428
    changed = city.client.patch(path, json={"members": ["L02"]}, headers=key | {"If-Match": tag})
    assert (changed.status_code, changed.json()["members"]) == (200, ["L02"])
    assert city.client.patch(path, json={"name": "x"}, headers=key | {"If-Match": tag}).status_code == 412
    assert [g["id"] for g in get(city, key, GROUPS)["items"]] == ["fauthweg"]
    assert city.client.delete(path, headers=key).status_code == 204
    assert city.client.get(path, headers=key).status_code == 404


@pytest.mark.parametrize("member", ["fritz", "nobody", "X01"])
def test_only_lamps_of_the_town_can_be_members(city: City, key: dict[str, str], member: str) -> None:
    city.asset("X01", tenant_id="trier")
    answer = city.client.post(GROUPS, json={"name": "g", "members": [member]}, headers=key)
    assert answer.status_code == 422
    assert member in answer.text


def test_a_group_command_tells_the_results_per_lamp_failures_first(city: City, key: dict[str, str]) -> None:
    told(city, "L01", "status", {"state": "online"})
    city.client.post(GROUPS, json={"id": "g", "name": "g", "members": ["L01", "L02"]}, headers=key)
    body = {"name": "dim", "arguments": {"level_pct": 70}, "duration_s": 600}
    filed = city.client.post(f"{GROUPS}/g/commands", json=body, headers=key | {"Idempotency-Key": "k"})
    assert filed.status_code == 202
    told_first = filed.json()
    assert (told_first["members"], told_first["online_before"], told_first["open"]) == (2, 1, 2)
    answered(city, "L01", AckStatus.APPLIED)
    answered(city, "L02", AckStatus.REJECTED, "lampFailure")
    again = city.client.post(f"{GROUPS}/g/commands?wait=applied", json=body, headers=key | {"Idempotency-Key": "k"})
    result = again.json()
    assert (again.status_code, result["final"], result["applied"], result["failed"]) == (200, True, 1, 1)
    assert [(c["asset_id"], c["delivery"]) for c in result["commands"]] == [
        ("L02", DeliveryState.REJECTED), ("L01", DeliveryState.APPLIED)
    ]  # fmt: skip
    assert result["id"] == told_first["id"]
    assert city.client.get(filed.headers["Location"], headers=key).status_code == 200


def test_dimming_needs_its_scope_and_a_group_of_lamps(city: City, key: dict[str, str]) -> None:
    city.client.post(GROUPS, json={"id": "g", "name": "g", "members": ["L01"]}, headers=key)
    body = {"name": "dim", "arguments": {"level_pct": 70}}
    viewer = city.key("streetlight:read", tenant_id="kl")
    assert city.client.post(f"{GROUPS}/g/commands", json=body, headers=viewer).status_code == 403
    assert city.client.post(f"{GROUPS}/none/commands", json=body, headers=key).status_code == 404
    wrong = body | {"arguments": {"level_pct": 170}}
    assert city.client.post(f"{GROUPS}/g/commands", json=wrong, headers=key).status_code == 422
    long = body | {"duration_s": 13 * 3600}
    assert city.client.post(f"{GROUPS}/g/commands", json=long, headers=key).status_code == 422
