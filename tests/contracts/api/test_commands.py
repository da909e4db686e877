"""Commands over HTTP, with the registry's real tables in place of a gateway."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from application.access.roles import RoleGrant
from application.ports.changes import Change, ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.latest_values import LatestValue, LatestValues
from devices.commands.command import DeliveryState
from devices.time_us import SECOND_US, rfc3339
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person, sign_in

URL = "/api/v1/devices/lamp/commands"
DIM: dict[str, Any] = {"name": "dim", "arguments": {"level_pct": 30}, "duration_s": 600, "reason": "test"}


def _apply(city: City, command_id: str) -> None:
    with city.registry.write() as tx:
        command = tx.get(CommandRepository).get(command_id)
        tx.get(CommandRepository).record(
            [replace(command, delivery=DeliveryState.APPLIED, applied_us=NOW_US, final_us=NOW_US)]
        )
        tx.get(ChangeFeed).add([Change(0, NOW_US, "kl", "streetlight", "command", {})])


def test_a_command_is_filed_and_never_shown_as_done(city: City) -> None:
    city.asset("lamp")
    key = city.key("*")
    filed = city.client.post(URL, headers=key, json=DIM)
    assert filed.status_code == 202
    shown = city.client.get(filed.headers["location"], headers=key).json()
    assert (shown["delivery"], shown["effect"], shown["final"]) == ("queued", "pending", False)
    assert shown["until"] == rfc3339(NOW_US + 600 * SECOND_US)


def test_the_same_key_and_body_give_the_same_command_even_later(city: City) -> None:
    city.asset("lamp")
    key = city.key("*") | {"Idempotency-Key": "once"}
    first = city.client.post(URL, headers=key, json=DIM).json()
    city.clock.now_us += 5 * SECOND_US
    assert city.client.post(URL, headers=key, json=DIM).json() == first
    other = city.client.post(URL, headers=key, json=DIM | {"duration_s": 601})
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency_mismatch")
    assert len(city.client.get("/api/v1/commands", headers=key).json()["items"]) == 1


def test_two_of_one_name_do_not_get_in_each_others_way(city: City) -> None:
    """A person may be called as a key or another person is; what a key of idempotency stands for is not theirs."""
    city.asset("lamp")
    person(city, "control", RoleGrant("light_operator", "kl"))
    browser, key = sign_in(city, "control"), city.key("*", name="Control")
    once = {"Idempotency-Key": "1"}
    mine = city.client.post(URL, headers=key | once, json=DIM).json()
    theirs = browser.post(URL, headers=once, json=DIM).json()
    assert mine["issuer"] == theirs["issuer"] == "Control"
    assert mine["id"] != theirs["id"]
    assert browser.post(URL, headers=once, json=DIM).json()["id"] == theirs["id"]


def test_waiting_ends_as_soon_as_the_device_has_answered(city: City) -> None:
    city.asset("lamp")
    key = city.key("*")
    done = threading.Event()

    def gateway() -> None:
        while not done.wait(0.01):
            with city.registry.read() as tx:
                queued = tx.get(CommandRepository).awaiting()
            if queued:
                _apply(city, queued[0].command_id)
                return

    thread = threading.Thread(target=gateway)
    thread.start()
    try:
        answer = city.client.post(URL + "?wait=applied&timeout=20", headers=key, json=DIM)
    finally:
        done.set()
        thread.join()
    assert (answer.status_code, answer.json()["delivery"]) == (200, "applied")


def test_waiting_in_vain_tells_the_state_reached(city: City) -> None:
    city.asset("lamp")
    answer = city.client.post(URL + "?wait=applied&timeout=0.1", headers=city.key("*"), json=DIM)
    assert (answer.status_code, answer.json()["delivery"]) == (202, "queued")


def test_wrong_arguments_are_named(city: City) -> None:
    city.asset("lamp")
    key = city.key("*")
    for body, field in (
        (DIM | {"arguments": {"level_pct": 300}}, "arguments.level_pct"),
        (DIM | {"name": "fly"}, "name"),
        (DIM | {"until": rfc3339(NOW_US + 1)}, "until"),
        (DIM | {"start_at": "tomorrow"}, "start_at"),
        (DIM | {"deliver_within_s": 0}, "deliver_within_s"),
    ):
        answer = city.client.post(URL, headers=key, json=body)
        assert answer.status_code == 422, answer.text
        assert [e["field"] for e in answer.json()["errors"]] == [field]


def test_a_command_needs_its_own_scope(city: City) -> None:
    city.asset("lamp")
    reader = city.key("streetlight:read")
    assert city.client.post(URL, headers=reader, json=DIM).status_code == 403
    dimmer = city.key("streetlight:read", "lights:dim")
    command = city.client.post(URL, headers=dimmer, json=DIM).json()
    assert city.client.post(f"/api/v1/commands/{command['id']}/cancel", headers=reader).status_code == 403
    assert city.client.post(f"/api/v1/commands/{command['id']}/cancel", headers=dimmer).status_code == 202


def test_every_command_of_every_kind_has_a_documented_route_of_its_own(city: City) -> None:
    paths = city.client.get("/openapi.json").json()["paths"]
    for kind in city.catalog.values():
        for body in kind.commands:
            assert f"/api/v1/{kind.name}/{{asset_id}}/commands/{body.NAME}" in paths


def test_the_typed_route_files_the_same_command(city: City) -> None:
    city.asset("lamp")
    key = city.key("*")
    body = {k: v for k, v in DIM.items() if k != "name"}
    filed = city.client.post("/api/v1/streetlight/lamp/commands/dim", headers=key, json=body)
    assert filed.status_code == 202, filed.text
    assert filed.json()["arguments"]["level_pct"] == 30
    other = city.client.post("/api/v1/event_network/lamp/commands/set_profile", headers=key, json={"arguments": {}})
    assert other.status_code == 422


def test_a_group_command_counts_its_members(city: City) -> None:
    for name in ("a", "b", "c"):
        city.asset(name)
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("street", "kl", "streetlight", "Street", ("a", "b", "c"), 0))
    key = city.key("*")
    filed = city.client.post("/api/v1/groups/street/commands", headers=key, json=DIM)
    assert filed.status_code == 202, filed.text
    assert filed.json()["counts"] == {"queued": 3}
    _apply(city, filed.json()["commands"][0]["id"])
    shown = city.client.get(filed.headers["location"], headers=key).json()
    assert (shown["counts"], shown["final"]) == ({"applied": 1, "queued": 2}, False)
    assert city.client.post(filed.headers["location"] + "/cancel", headers=key).status_code == 202


@pytest.mark.parametrize("level", [True, "80", "1e2", None, [80], {}])
def test_a_level_that_is_no_number_is_refused_on_every_way_in(city: City, level: object) -> None:
    city.asset("lamp")
    key = city.key("*")
    arguments = {"level_pct": level}
    for url, body in ((URL, {"name": "dim"}), ("/api/v1/streetlight/lamp/commands/dim", {})):
        answer = city.client.post(url, headers=key, json=body | {"arguments": arguments})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "arguments.level_pct")
    assert city.client.get("/api/v1/commands", headers=key).json()["items"] == []


@pytest.mark.parametrize("interval", [True, "30"])
def test_a_configured_number_that_is_none_is_refused(city: City, interval: object) -> None:
    city.asset("lamp")
    key = city.key("*") | {"If-Match": '"0"'}
    put = city.client.put("/api/v1/devices/lamp/config", headers=key, json={"reporting_interval_s": interval})
    assert put.status_code == 422


def _heard(city: City, asset_id: str, state: str, seconds_ago: float) -> None:
    at_us = NOW_US - round(seconds_ago * SECOND_US)
    status = LatestValue(
        asset_id, "fire_drone", "kl", "status", "", at_us - 600 * SECOND_US, at_us - 600 * SECOND_US, {"state": state}
    )
    sample = LatestValue(asset_id, "fire_drone", "kl", "telemetry", "", at_us, at_us, {})
    with city.registry.write() as tx:
        tx.get(LatestValues).put([status, sample])


@pytest.mark.parametrize(
    ("state", "seconds_ago", "status"), [("online", 14, 202), ("online", 16, 409), ("offline", 1, 409), (None, 0, 409)]
)
@pytest.mark.parametrize("name", ["set_telemetry_rate", "request_full_state"])
def test_nothing_waits_for_a_drone_that_is_not_there(
    city: City, name: str, state: str | None, seconds_ago: float, status: int
) -> None:
    city.asset("fritz", "fire_drone")
    if state is not None:
        _heard(city, "fritz", state, seconds_ago)
    key = city.key("fire_drone:*")
    order = {"name": name, "arguments": {"rate_hz": 1} if name == "set_telemetry_rate" else {}}
    answer = city.client.post("/api/v1/devices/fritz/commands", headers=key, json=order)
    assert answer.status_code == status, answer.text
    if status == 202:
        assert answer.json()["deliver_by"] <= rfc3339(NOW_US + 15 * SECOND_US)
        long = city.client.post("/api/v1/devices/fritz/commands", headers=key, json=order | {"deliver_within_s": 16})
        assert (long.status_code, long.json()["errors"][0]["field"]) == (422, "deliver_by")


def test_of_a_group_only_the_drones_that_are_there_are_asked(city: City) -> None:
    for asset_id, state in (("fritz", "online"), ("ottmar", "offline")):
        city.asset(asset_id, "fire_drone")
        _heard(city, asset_id, state, 1)
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("both", "kl", "fire_drone", "Both", ("fritz", "ottmar"), 0))
    url = "/api/v1/groups/both/commands"
    filed = city.client.post(url, headers=city.key("fire_drone:*"), json={"name": "request_full_state"}).json()
    assert filed["counts"] == {"queued": 1, "undeliverable": 1}
