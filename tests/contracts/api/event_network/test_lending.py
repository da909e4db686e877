"""A node lent to another town: each sees what was measured while it was theirs, and nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest

from application.ports.latest_values import LatestValue, LatestValues
from application.ports.loans import Loan, LoanRepository
from devices.samples import Sample
from devices.time_us import HOUR_US, MINUTE_US, rfc3339
from tests.contracts.api.conftest import NOW_US, City

Asked = dict[str, Any]
NODE = "/api/v1/devices/node"
LOANS = f"{NODE}/loans"
SCOPES = ("event_network:*", "events:*", "network:*", "devices:lend", "devices:configure", "devices:write")
BEGIN, END = NOW_US - 40 * MINUTE_US, NOW_US - 20 * MINUTE_US
PROFILE = {"name": "set_profile", "arguments": {"service_class": "visitors", "down_bps": 1, "up_bps": 1}}


@dataclass(frozen=True)
class Towns:
    """Who owns, who borrows, and a third."""

    city: City
    kl: dict[str, str]
    zw: dict[str, str]
    bund: dict[str, str]

    def get(self, key: dict[str, str], url: str, status: int = 200, **params: Any) -> Any:
        answer = self.city.client.get(url, headers=key, params=params or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    def send(self, method: str, key: dict[str, str], url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = self.city.client.request(method, url, headers=key | headers, json=body)
        return answer.status_code, answer.json() if answer.content else None

    def lend(self, begin_us: int, end_us: int) -> None:
        with self.city.registry.write() as tx:
            tx.get(LoanRepository).add(Loan(f"l{begin_us}", "node", "kl", "zw", begin_us, end_us))


@pytest.fixture
def towns(city: City) -> Towns:
    city.asset("node", "event_network", attributes={"reporting_interval_s": 60})
    return Towns(city, *(city.key(*SCOPES, tenant_id=t, name=t) for t in ("kl", "zw", "bund")))


def measure(city: City, part: str = "", series: str = "telemetry") -> None:
    """One sample a minute for an hour, each worth its minute; the newest a moment ago."""
    head = ("node", "event_network", "kl", series, part)
    ages = range(60, 0, -1)
    city.writer.write(
        [Sample(*head, NOW_US - m * MINUTE_US, NOW_US, {"cpu_pct": float(m), "state": "open"}) for m in ages]
    )


def newest(city: City, tenant_id: str) -> None:
    rows = [
        LatestValue("node", "event_network", tenant_id, channel, "", NOW_US - MINUTE_US, NOW_US, {"state": "online"})
        for channel in ("telemetry", "status")
    ]
    with city.registry.write() as tx:
        tx.get(LatestValues).put(rows)


def test_series_are_cut_where_it_changed_hands_and_say_so(towns: Towns) -> None:
    measure(towns.city)
    towns.lend(BEGIN, END)
    asked: Asked = {"from": rfc3339(NOW_US - HOUR_US), "to": rfc3339(NOW_US)}
    theirs = towns.get(towns.zw, f"{NODE}/telemetry", **asked)
    ours = towns.get(towns.kl, f"{NODE}/telemetry", **asked)
    assert [i["values"]["cpu_pct"] for i in theirs["items"]] == [float(m) for m in range(40, 20, -1)]
    assert [i["values"]["cpu_pct"] for i in ours["items"]] == [
        float(m) for m in (*range(60, 40, -1), *range(20, 0, -1))
    ]
    assert ours["gaps"] == [{"from": rfc3339(BEGIN), "to": rfc3339(END), "reason": "lent"}]
    assert [(g["from"], g["to"], g["reason"]) for g in theirs["gaps"]] == [
        (asked["from"], rfc3339(BEGIN), "not_lent"),
        (rfc3339(END), asked["to"], "not_lent"),
    ]
    towns.get(towns.bund, f"{NODE}/telemetry", 404)


def test_a_page_ends_within_a_loan_and_goes_on_behind_it(towns: Towns) -> None:
    measure(towns.city)
    towns.lend(BEGIN, END)
    asked: Asked = {"from": rfc3339(NOW_US - HOUR_US), "to": rfc3339(NOW_US), "limit": 20}
    first = towns.get(towns.kl, f"{NODE}/telemetry", **asked)
    assert (first["next_from"], first["gaps"][0]["reason"]) == (rfc3339(END), "lent")
    rest = towns.get(towns.kl, f"{NODE}/telemetry", **asked | {"from": first["next_from"]})
    assert len(first["items"] + rest["items"]) == 40


@pytest.mark.parametrize("bucket", ["5m", "15m"])
def test_no_bucket_holds_what_another_town_measured(towns: Towns, bucket: str) -> None:
    measure(towns.city)
    towns.lend(BEGIN + MINUTE_US, END + MINUTE_US)
    asked: Asked = {
        "from": rfc3339(NOW_US - HOUR_US),
        "to": rfc3339(NOW_US),
        "bucket": bucket,
        "agg": "min,max",
    }
    for key, mine in ((towns.kl, {*range(1, 20), *range(40, 61)}), (towns.zw, {*range(20, 40)})):
        answer = towns.get(key, f"{NODE}/telemetry", fields="cpu_pct", **asked)
        shown = [(v["min"], v["max"]) for i in answer["items"] if (v := i["values"].get("cpu_pct"))]
        assert shown or bucket == "15m"
        assert all(set(range(int(low), int(high) + 1)) <= mine for low, high in shown)


def test_a_range_that_begins_in_the_middle_of_a_bucket_shows_nothing_from_before(towns: Towns) -> None:
    measure(towns.city)
    hour = (NOW_US - HOUR_US) // HOUR_US * HOUR_US
    towns.lend(hour, hour + HOUR_US + 5 * MINUTE_US)
    asked: Asked = {
        "from": rfc3339(hour + HOUR_US + 6 * MINUTE_US),
        "to": rfc3339(hour + 2 * HOUR_US),
        "bucket": "1h",
    }
    assert towns.get(towns.kl, f"{NODE}/telemetry", fields="cpu_pct", **asked)["items"] == []


def test_events_csv_and_names_of_series_are_cut_too(towns: Towns) -> None:
    measure(towns.city, series="event_enclosure")
    measure(towns.city)
    towns.lend(BEGIN, END)
    assert len(towns.get(towns.zw, f"{NODE}/events", limit=500)["items"]) == 20
    assert len(towns.get(towns.kl, f"{NODE}/events", limit=500)["items"]) == 40
    csv = towns.city.client.get(f"{NODE}/telemetry", headers=towns.zw | {"Accept": "text/csv"})
    assert len(csv.text.splitlines()) == 21
    towns.city.writer.write(
        [Sample("node", "event_network", "kl", "telemetry", "vlan:police", END - MINUTE_US, NOW_US, {"in_octets": 1})]
    )
    parts = {who: towns.get(getattr(towns, who), f"{NODE}/series")["items"][-1]["parts"] for who in ("kl", "zw")}
    assert parts == {"kl": [""], "zw": ["", "vlan:police"]}


def test_now_it_is_in_one_towns_hands(towns: Towns) -> None:
    """Newest values and status are the borrower's; its owner sees that it is lent, to whom and until when."""
    end = NOW_US + HOUR_US
    towns.lend(NOW_US, end)
    newest(towns.city, "zw")
    ours, theirs = (towns.get(key, NODE) for key in (towns.kl, towns.zw))
    assert ours["lent"] == theirs["lent"] == {"tenant_id": "zw", "from": rfc3339(NOW_US), "until": rfc3339(end)}
    assert (ours["status"], ours["last_seen_at"], theirs["status"]) == ("unknown", None, "online")
    for url in ("/api/v1/devices", "/api/v1/network-nodes"):
        assert [d["id"] for d in towns.get(towns.zw, url)["items"]] == ["node"]
        assert towns.get(towns.bund, url)["items"] == []
    for status, number in (("online", 0), ("unknown", 1)):
        assert len(towns.get(towns.kl, f"/api/v1/devices?status={status}")["items"]) == number
    of_kind: Asked = {"kind": "event_network"}
    assert [len(towns.get(k, "/api/v1/telemetry/latest", **of_kind)["items"]) for k in (towns.kl, towns.zw)] == [0, 1]
    assert [len(towns.get(k, f"{NODE}/latest")["items"]) for k in (towns.kl, towns.zw)] == [0, 2]


def test_who_has_it_commands_it(towns: Towns) -> None:
    end = NOW_US + HOUR_US
    towns.lend(NOW_US, end)
    filed: dict[str, Any] = {}
    for url in (f"{NODE}/commands", "/api/v1/event_network/node/commands/set_profile"):
        body = PROFILE if url.startswith(NODE) else {"arguments": PROFILE["arguments"]}
        assert towns.send("POST", towns.kl, url, body)[0] == 409
        status, filed = towns.send("POST", towns.zw, url, body)
        assert (status, filed["tenant_id"]) == (202, "zw")
    assert towns.send("PUT", towns.kl, f"{NODE}/config", {}, **{"If-Match": "*"})[0] == 409
    assert towns.send("PUT", towns.zw, f"{NODE}/config", {}, **{"If-Match": "*"})[0] == 200
    assert [len(towns.get(k, f"{NODE}/commands")["items"]) for k in (towns.kl, towns.zw)] == [0, 2]
    towns.get(towns.kl, f"/api/v1/commands/{filed['id']}", 404)
    towns.city.clock.now_us = end
    assert towns.send("POST", towns.zw, f"{NODE}/commands", PROFILE)[0] == 409
    assert towns.send("POST", towns.kl, f"{NODE}/commands", PROFILE)[0] == 202


def test_what_stands_in_the_registry_stays_its_owners(towns: Towns) -> None:
    towns.lend(NOW_US, NOW_US + HOUR_US)
    match = {"If-Match": "*"}
    for method, url, body in (
        ("PATCH", NODE, {"name": "mine"}),
        ("DELETE", NODE, None),
        ("POST", f"{NODE}/replace", {"device_id": "other"}),
        ("POST", LOANS, {"tenant_id": "bund", "until": rfc3339(NOW_US + 9 * HOUR_US)}),
    ):
        assert towns.send(method, towns.zw, url, body, **match)[0] == 404
    assert towns.send("PATCH", towns.kl, NODE, {"name": "ours"}, **match)[0] == 200
    assert towns.send("DELETE", towns.kl, NODE)[0] == 409


def test_a_loan_is_made_changed_ended_and_on_record(towns: Towns) -> None:
    until = rfc3339(NOW_US + HOUR_US)
    status, made = towns.send("POST", towns.kl, LOANS, {"tenant_id": "zw", "until": until, "note": "fair"})
    assert (status, made["state"], made["owner_id"], made["tenant_id"]) == (201, "running", "kl", "zw")
    for body, refused in (
        ({"tenant_id": "bund", "until": until}, 409),
        ({"tenant_id": "speyer", "from": until, "until": rfc3339(NOW_US + 2 * HOUR_US)}, 422),
        ({"tenant_id": "kl", "from": until, "until": rfc3339(NOW_US + 2 * HOUR_US)}, 422),
        ({"tenant_id": "bund", "from": rfc3339(NOW_US - HOUR_US), "until": until}, 422),
        ({"tenant_id": "bund", "from": until, "until": until}, 422),
    ):
        assert towns.send("POST", towns.kl, LOANS, body)[0] == refused, body
    one = f"{LOANS}/{made['id']}"
    match = {"If-Match": '"1"'}
    assert towns.send("PATCH", towns.kl, one, {"until": rfc3339(NOW_US - MINUTE_US)}, **match)[0] == 422
    status, longer = towns.send("PATCH", towns.kl, one, {"until": rfc3339(NOW_US + 2 * HOUR_US)}, **match)
    assert (status, longer["version"]) == (200, 2)
    assert towns.send("PATCH", towns.kl, one, {"note": "x"}, **match)[0] == 412
    assert [x["id"] for x in towns.get(towns.zw, LOANS)["items"]] == [made["id"]]
    towns.city.clock.now_us += MINUTE_US
    assert towns.send("DELETE", towns.kl, one)[0] == 204
    (over,) = towns.get(towns.kl, LOANS)["items"]
    assert (over["state"], over["until"]) == ("over", rfc3339(NOW_US + MINUTE_US))
    assert towns.send("DELETE", towns.kl, one)[0] == 409
    assert [d["id"] for d in towns.get(towns.zw, "/api/v1/devices")["items"]] == []
    audit = towns.city.key("*", "audit:read", tenant_id="kl")
    done = [e["action"] for e in towns.get(audit, "/api/v1/audit")["items"]]
    assert sorted(done) == ["device.lend", "device.lend", "device.take_back"]


def test_a_loan_that_has_not_begun_is_called_off_as_if_it_never_was(towns: Towns) -> None:
    soon = {"tenant_id": "zw", "from": rfc3339(NOW_US + HOUR_US), "until": rfc3339(NOW_US + 2 * HOUR_US)}
    _, made = towns.send("POST", towns.kl, LOANS, soon)
    assert made["state"] == "planned"
    assert towns.send("POST", towns.zw, f"{NODE}/commands", PROFILE)[0] == 409
    assert towns.send("DELETE", towns.kl, f"{LOANS}/{made['id']}")[0] == 204
    towns.get(towns.zw, NODE, 404)


def test_only_kinds_that_allow_it_are_lent_and_only_by_who_may(towns: Towns) -> None:
    towns.city.asset("lamp")
    towns.city.asset("fritz", "fire_drone")
    body = {"tenant_id": "zw", "until": rfc3339(NOW_US + HOUR_US)}
    whole = towns.city.key("*", "fire_drone:*", tenant_id="kl")
    for asset_id in ("lamp", "fritz"):
        assert towns.send("POST", whole, f"/api/v1/devices/{asset_id}/loans", body)[0] == 409
    assert towns.send("POST", towns.city.key("*", tenant_id="kl"), "/api/v1/devices/fritz/loans", body)[0] == 404
    assert towns.send("POST", towns.city.key("event_network:*", tenant_id="kl"), LOANS, body)[0] == 403
    assert all(not (k.lendable and k.restricted) for k in towns.city.catalog.values())


def test_a_borrower_plans_with_it_within_the_loan_only(towns: Towns) -> None:
    towns.lend(NOW_US + HOUR_US, NOW_US + 5 * HOUR_US)

    def plan(begin_h: int, end_h: int) -> dict[str, Any]:
        times = {"setup_from": begin_h, "service_from": begin_h, "service_to": end_h, "teardown_to": end_h}
        objects = [{"id": "o", "device_id": "node", "part": "uplink"}]
        return {"name": "F", "kind": "fair", "state": "confirmed", "objects": objects} | {
            name: rfc3339(NOW_US + h * HOUR_US) for name, h in times.items()
        }

    for key, hours, status in (
        (towns.zw, (1, 5), 201),
        (towns.zw, (1, 6), 422),
        (towns.kl, (2, 3), 422),
        (towns.kl, (5, 6), 201),
        (towns.bund, (2, 3), 422),
    ):
        assert towns.send("POST", key, "/api/v1/events", plan(*hours))[0] == status, hours
    towns.city.clock.now_us = NOW_US + 2 * HOUR_US
    assert [towns.get(k, "/api/v1/network-nodes/node")["event_name"] for k in (towns.kl, towns.zw)] == [None, "F"]
