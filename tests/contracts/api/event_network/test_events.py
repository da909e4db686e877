"""Events over the API: from the plan to the rate now, on a real registry and a real store."""

import csv
import io
import json
from typing import Any

import pytest

from application.kinds.event_network.ports import EventRepository
from application.ports.inventory import AssetRepository
from application.ports.latest_values import LatestValue, LatestValues
from devices.event_network.city_event import EventState, TestedCapacity
from devices.event_network.telemetry import NodeTelemetry
from devices.samples import Sample
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from gateway.kinds.event_network.reactions import NetworkReactions
from simulators.device import FleetOptions
from simulators.kinds.event_network import build_fleet
from simulators.kinds.event_network.device import SimulatedNode
from simulators.kinds.event_network.event import demo_event
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.statements import statements

NODES = ("mogli-core", "mogli-case-1", "mogli-case-2", "mogli-case-3", "temes-1")
URL = "/api/v1/events"


@pytest.fixture
def key(city: City) -> dict[str, str]:
    """Key of the people who run the network; the nodes are registered."""
    for node in NODES:
        city.asset(node, "event_network")
    return city.key("event_network:read", "events:write", tenant_id="kl")


def plan(**changes: Any) -> dict[str, Any]:
    return {**demo_event(NOW_US), **changes}


def keep(city: City, samples: list[Sample]) -> None:
    """Store samples as the gateway does: the newest in the registry, all in the store."""
    with city.registry.write() as tx:
        NetworkReactions(city.registry).on_samples(tx, samples)
    city.writer.write(samples)


def simulate(city: City, minutes: int) -> dict[tuple[str, str], Any]:
    """Fill the store with what the scene sends until now; returns the nodes' truth by node and part."""
    samples: list[Sample] = []
    truth: dict[tuple[str, str], Any] = {}
    for node in build_fleet(FleetOptions(5, 1)):
        assert isinstance(node, SimulatedNode)
        messages = [*node.start(NOW_US - minutes * MINUTE_US), *node.tick(NOW_US)]
        for seq, message in enumerate(messages):
            if message.channel == "telemetry" and message.ts_us is not None:
                head = {"v": 1, "device_id": node.device_id, "ts": rfc3339(message.ts_us), "boot_id": "b1", "seq": seq}
                model = NodeTelemetry.model_validate_json(json.dumps(head | dict(message.body)))
                head_of = (node.device_id, "event_network", "kl", "telemetry", model.part, message.ts_us)
                samples.append(Sample(*head_of, message.ts_us, model.values()))
        truth |= {(t.device_id, t.part): t for t in node.truth()}
    keep(city, samples)
    return truth


def line(live: dict[str, Any], service_class: str, area: str | None) -> dict[str, Any]:
    return next(x for x in live["lines"] if (x["service_class"], x["area_id"]) == (service_class, area))


def test_the_demo_event_can_be_filed_read_listed_and_sent_back(city: City, key: dict[str, str]) -> None:
    created = city.client.post(URL, json=plan(), headers=key)
    assert created.status_code == 201, created.text
    assert created.headers["Location"] == f"{URL}/altstadtfest"
    body = created.json()
    assert body["state"] == "live"
    wanted = {k: v for k, v in plan().items() if k not in {"state", "objects", "bookings"}}
    assert {k: body[k] for k in wanted} == wanted
    assert [o["id"] for o in body["objects"]] == [o["id"] for o in plan()["objects"]]
    read = city.client.get(f"{URL}/altstadtfest", headers=key)
    assert read.json() == body
    assert [e["id"] for e in city.client.get(URL, headers=key).json()["items"]] == ["altstadtfest"]
    assert city.client.get(f"{URL}?state=draft", headers=key).json()["items"] == []
    put = city.client.put(f"{URL}/altstadtfest", json=body, headers=key | {"If-Match": read.headers["ETag"]})
    assert put.status_code == 200, put.text
    assert put.json() == body | {"version": 2, "changed_at": put.json()["changed_at"]}


def test_nobody_overwrites_a_version_he_has_not_seen(city: City, key: dict[str, str]) -> None:
    city.client.post(URL, json=plan(), headers=key)
    assert city.client.put(f"{URL}/altstadtfest", json=plan(), headers=key).status_code == 428
    first = city.client.put(f"{URL}/altstadtfest", json=plan(), headers=key | {"If-Match": '"1"'})
    again = city.client.put(f"{URL}/altstadtfest", json=plan(name="x"), headers=key | {"If-Match": '"1"'})
    assert (first.status_code, again.status_code) == (200, 412)


def test_an_event_of_another_town_does_not_exist(city: City, key: dict[str, str]) -> None:
    city.client.post(URL, json=plan(), headers=key)
    speyer = city.key("event_network:read", "events:write", tenant_id="speyer")
    for path in ("", "/live", "/series"):
        assert city.client.get(f"{URL}/altstadtfest{path}", headers=speyer).status_code == 404
    assert city.client.put(f"{URL}/altstadtfest", json=plan(), headers=speyer | {"If-Match": "*"}).status_code == 404
    assert city.client.get(URL, headers=speyer).json()["items"] == []
    theirs = city.client.post(URL, json=plan(id="theirs"), headers=speyer)
    assert theirs.status_code == 422, "nodes of Kaiserslautern are not theirs to plan with"


def test_scopes_are_needed(city: City, key: dict[str, str]) -> None:
    reader, nobody = city.key("event_network:read"), city.key("lights:dim")
    assert city.client.post(URL, json=plan(), headers=reader).status_code == 403
    for path in (URL, "/api/v1/network-nodes", "/api/v1/network-links"):
        assert city.client.get(path, headers=nobody).status_code == 403


def test_a_node_of_another_event_is_refused_and_so_is_a_broken_plan(city: City, key: dict[str, str]) -> None:
    city.client.post(URL, json=plan(), headers=key)
    taken = city.client.post(URL, json=plan(id="second"), headers=key)
    assert taken.status_code == 409
    assert "serves Altstadtfest" in taken.json()["detail"]
    circle = [{"id": "a", "device_id": "temes-1", "part": "a", "parent_id": "b"},
              {"id": "b", "device_id": "temes-1", "part": "b", "parent_id": "a"}]  # fmt: skip
    for broken in (
        {"objects": circle, "bookings": []},
        {"objects": [], "bookings": [{"id": "x", "service_class": "bos", "area_id": "nowhere"}]},
        {"service_to": plan()["service_from"]},
        {"time_zone": "Europe/Lautern"},
        {"objects": [{"id": "a", "device_id": "unknown", "part": "a"}], "bookings": []},
        {"objects": [{"id": "a", "device_id": "temes-1", "part": "aa:bb:cc:dd:ee:ff"}], "bookings": []},
        {"surprise": 1},
    ):
        answer = city.client.post(URL, json=plan(id="broken", **broken), headers=key)
        assert answer.status_code == 422, (broken, answer.text)


def test_more_guaranteed_than_tested_needs_a_reason(city: City, key: dict[str, str]) -> None:
    with city.registry.write() as tx:
        tested = TestedCapacity("mogli-core", "port:stage", "up", "kl", NOW_US, 60_000_000, "y1564")
        tx.get(EventRepository).put_tests([tested])
    refused = city.client.post(URL, json=plan(), headers=key)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "port-stage up: guaranteed 70000000 bit/s, tested 60000000 bit/s"
    filed = city.client.post(URL, json=plan(override_reason="second fibre on Friday"), headers=key)
    assert filed.status_code == 201
    assert filed.json()["override_reason"] == "second fibre on Friday"


def test_a_draft_can_be_removed_and_a_live_event_only_cancelled(city: City, key: dict[str, str]) -> None:
    city.client.post(URL, json=plan(), headers=key)
    city.client.post(URL, json=plan(id="draft", state="draft"), headers=key)
    assert city.client.delete(f"{URL}/draft", headers=key).status_code == 204
    assert city.client.delete(f"{URL}/altstadtfest", headers=key).status_code == 409
    cancelled = plan(state="cancelled")
    answer = city.client.put(f"{URL}/altstadtfest", json=cancelled, headers=key | {"If-Match": "*"})
    assert answer.json()["state"] == EventState.CANCELLED


def test_live_rates_are_true_and_a_bit_counts_once(city: City, key: dict[str, str]) -> None:
    simulate(city, 10)
    city.client.post(URL, json=plan(), headers=key)
    live = city.client.get(f"{URL}/altstadtfest/live", headers=key).json()
    assert live["in_service"]
    assert live["total"]["coverage_pct"] == 100
    visitors = line(live, "visitors", "stage")
    assert visitors["down"]["booked_bps"] == 200_000_000
    assert 0 < visitors["down"]["used_bps"] <= visitors["down"]["peak_1s_bps"]
    assert visitors["sample_age_s"] < 10
    assert visitors["quality"] == ["ok"]
    areas = {a["area_id"]: a["down"]["used_bps"] for a in live["areas"]}
    assert sum(v for k, v in areas.items() if k) == pytest.approx(live["total"]["down"]["used_bps"], rel=0.1)
    assert areas[None] < 0.1 * live["total"]["down"]["used_bps"], "ports and uplink are not counted again"
    uplink = next(o for o in live["objects"] if o["id"] == "uplink")
    assert live["total"]["down"]["used_bps"] == uplink["down"]["used_bps"]


def test_live_says_what_is_provisioned_tested_and_broken(city: City, key: dict[str, str]) -> None:
    simulate(city, 10)
    with city.registry.write() as tx:
        applied = {"applied_bos_down_bps": 5_000_000, "applied_bos_up_bps": 100_000_000}
        state = LatestValue("mogli-case-1", "event_network", "kl", "state", "", NOW_US - MINUTE_US, NOW_US, applied)
        tx.get(LatestValues).put([state])
        test = TestedCapacity("mogli-core", "port:stage", "down", "kl", NOW_US - HOUR_US, 900_000_000, "y1564")
        tx.get(EventRepository).put_tests([test])
    city.client.post(URL, json=plan(), headers=key)
    live = city.client.get(f"{URL}/altstadtfest/live", headers=key).json()
    bos = line(live, "bos", "stage")
    assert (bos["down"]["provisioned_bps"], bos["down"]["provisioned_age_s"]) == (5_000_000, 60)
    assert (bos["down"]["tested_bps"], bos["down"]["tested_age_s"]) == (900_000_000, 3600)
    assert bos["up"]["provisioned_bps"] == 100_000_000
    assert [(b["reason"], b["direction"]) for b in bos["breaches"]] == [("provisioned_below_booked", "down")]
    press = line(live, "press", "stage")
    assert press["down"]["provisioned_bps"] == 1_000_000_000, "without a profile the link's speed counts"


def test_silence_is_unknown_not_zero(city: City, key: dict[str, str]) -> None:
    simulate(city, 10)
    city.client.post(URL, json=plan(), headers=key)
    city.clock.now_us = NOW_US + 45 * SECOND_US
    live = city.client.get(f"{URL}/altstadtfest/live", headers=key).json()
    visitors = line(live, "visitors", "stage")
    assert visitors["down"]["used_bps"] is None
    assert visitors["coverage_pct"] == 0
    assert visitors["sample_age_s"] > 30
    assert live["total"]["down"]["used_bps"] is None


@pytest.mark.parametrize("how", [{"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}])
def test_live_and_series_come_as_csv_too(city: City, key: dict[str, str], how: dict[str, Any]) -> None:
    simulate(city, 10)
    city.client.post(URL, json=plan(), headers=key)
    headers = key | how.get("headers", {})
    live = city.client.get(f"{URL}/altstadtfest/live", headers=headers, params=how.get("params"))
    rows = list(csv.DictReader(io.StringIO(live.text)))
    assert live.headers["content-type"].startswith("text/csv")
    assert {(r["service_class"], r["area_id"]) for r in rows} >= {("visitors", "stage"), ("cameras", "")}
    assert all(float(r["down_used_bps"]) > 0 for r in rows)
    params = {"from": rfc3339(NOW_US - 5 * MINUTE_US), "bucket": "1m"} | how.get("params", {})
    series = city.client.get(f"{URL}/altstadtfest/series", headers=headers, params=params)
    points = list(csv.DictReader(io.StringIO(series.text)))
    assert len(points) == len(rows) * 2 * 6
    assert {r["volume_bytes"] == "" for r in points} == {False}
    before = {"from": rfc3339(NOW_US - 2 * HOUR_US), "to": rfc3339(NOW_US - HOUR_US), "bucket": "5m"}
    gap = city.client.get(f"{URL}/altstadtfest/series", headers=headers, params=before | how.get("params", {}))
    silent = list(csv.DictReader(io.StringIO(gap.text)))
    assert {(r["mean_bps"], r["max_bps"], r["volume_bytes"]) for r in silent} == {("", "", "")}


def test_series_have_the_true_volume_explicit_gaps_and_the_peak_beside_the_mean(
    city: City, key: dict[str, str]
) -> None:
    truth = simulate(city, 60)
    city.client.post(URL, json=plan(), headers=key)
    params = {"from": rfc3339(NOW_US - 2 * HOUR_US), "to": rfc3339(NOW_US), "bucket": "5m"}
    series = city.client.get(f"{URL}/altstadtfest/series", headers=key, params=params).json()
    points = line(series, "visitors", "stage")["down"]
    assert sum(p["volume_bytes"] or 0 for p in points) == truth["mogli-case-1", "ssid:visitors"].out_octets
    gap, known = points[:12], points[13:-1]
    assert {(p["mean_bps"], p["max_bps"], p["volume_bytes"]) for p in gap} == {(None, None, None)}
    assert all(p["max_bps"] > p["mean_bps"] > 0 for p in known)
    cameras = line(series, "cameras", None)["up"]
    assert sum(p["volume_bytes"] or 0 for p in cameras) == truth["temes-1", "vlan:cameras"].in_octets


def test_too_much_at_once_is_refused(city: City, key: dict[str, str]) -> None:
    city.client.post(URL, json=plan(), headers=key)
    far = {"from": rfc3339(NOW_US - 900 * HOUR_US), "bucket": "1d"}
    for params in ({"bucket": "1s"}, {"bucket": "soon"}, far):
        assert city.client.get(f"{URL}/altstadtfest/series", headers=key, params=params).status_code == 422


def test_nodes_and_links_show_event_and_newest_values_but_no_small_counts(city: City, key: dict[str, str]) -> None:
    values = {"in_octets": 2**62, "wifi_clients": 3}
    rows = [LatestValue("mogli-case-1", "event_network", "kl", "telemetry", "ssid:visitors", NOW_US, NOW_US, values)]
    with city.registry.write() as tx:
        tx.get(LatestValues).put(rows)
    city.client.post(URL, json=plan(), headers=key)
    nodes = city.client.get("/api/v1/network-nodes", headers=key).json()["items"]
    assert {n["id"]: (n["event_id"], n["links"]) for n in nodes}["mogli-case-1"] == ("altstadtfest", 1)
    assert city.client.get("/api/v1/network-nodes/mogli-case-1", headers=key).json()["links"] == 1
    links = city.client.get("/api/v1/network-links?device=mogli-case-1", headers=key).json()["items"]
    assert links[0]["values"] == {"in_octets": str(2**62), "wifi_clients": "<5"}
    assert (links[0]["object_id"], links[0]["parent_id"]) == ("stage-visitors", "port-stage")


def test_live_of_forty_objects_asks_no_more_than_of_one(city: City, key: dict[str, str]) -> None:
    simulate(city, 30)
    with city.registry.read() as tx:
        asset = tx.get(AssetRepository).get("mogli-case-1")
    many = [
        {"id": f"o{n}", "device_id": asset.asset_id, "part": f"vlan:{n}", "service_class": "bos"} for n in range(40)
    ]
    samples = [
        Sample(asset.asset_id, "event_network", "kl", "telemetry", o["part"], at_us, at_us,
               {"in_octets": at_us, "out_octets": at_us, "boot_id": "b", "speed_bps": 10**9})
        for o in many for at_us in range(NOW_US - 30 * MINUTE_US, NOW_US, 10 * SECOND_US)
    ]  # fmt: skip
    keep(city, samples)
    city.client.post(URL, json=plan(id="big", objects=many, areas=[], bookings=[]), headers=key)
    with statements(city.registry) as sent:
        live = city.client.get(f"{URL}/big/live", headers=key).json()
    assert live["total"]["coverage_pct"] == 100
    assert len(sent) < 30, "it asks for all objects at once"


SQUARE = [[7.76, 49.44], [7.77, 49.44], [7.77, 49.45], [7.76, 49.44]]


@pytest.mark.parametrize(
    "polygon",
    [
        {},
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Point", "coordinates": [7.76, 49.44]},
        {"type": "Polygon", "coordinates": [SQUARE[:3]]},
        {"type": "Polygon", "coordinates": [[*SQUARE[:3], [7.0, 49.0]]]},
        {"type": "Polygon", "coordinates": [[[lat, lon] for lon, lat in SQUARE[:3]] + [[500, 49.44]]]},
        {"type": "Polygon", "coordinates": [[[x * 100, y] for x, y in SQUARE]]},
    ],
)
def test_a_place_that_no_map_can_draw_is_refused(city: City, key: dict[str, str], polygon: dict[str, Any]) -> None:
    place = {"name": "x", "polygon": polygon}
    refused = city.client.post(URL, json=plan() | {"place": place}, headers=key)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "place.polygon")
    drawn = place | {"polygon": {"type": "Polygon", "coordinates": [SQUARE]}}
    assert city.client.post(URL, json=plan() | {"place": drawn}, headers=key).status_code == 201
