"""Stored series over HTTP."""

import csv
import io

import pytest

from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.latest_values import LatestValue, LatestValues
from devices.samples import Sample
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from tests.contracts.api.conftest import NOW_US, City

URL = "/api/v1/devices/lamp/telemetry"


def _write(city: City, minutes_ago: list[int], series: str = "telemetry", **values: float | str | bool) -> None:
    city.writer.write(
        [
            Sample(
                "lamp",
                "streetlight",
                "kl",
                series,
                "",
                NOW_US - m * MINUTE_US,
                NOW_US - m * MINUTE_US + SECOND_US,
                values,
            )
            for m in minutes_ago
        ]
    )


def test_raw_samples_come_in_order_with_their_gaps(city: City) -> None:
    city.asset("lamp", attributes={"reporting_interval_s": 60})
    _write(city, [30, 29, 28, 10, 9], power_w=12.5)
    from_, to = rfc3339(NOW_US - 30 * MINUTE_US), rfc3339(NOW_US - 9 * MINUTE_US + 1000)
    answer = city.client.get(URL, headers=city.key("*"), params={"from": from_, "to": to}).json()
    assert [i["values"] for i in answer["items"]] == [{"power_w": 12.5}] * 5
    assert (answer["source"], answer["thinned"], answer["next_from"]) == ("raw", False, None)
    assert answer["gaps"] == [
        {"from": rfc3339(NOW_US - 28 * MINUTE_US), "to": rfc3339(NOW_US - 10 * MINUTE_US), "reason": "silent"}
    ]


def test_more_than_the_limit_says_where_to_go_on(city: City) -> None:
    city.asset("lamp")
    _write(city, list(range(1, 11)), power_w=1)
    key = city.key("*")
    first = city.client.get(URL, headers=key, params={"limit": 6}).json()
    rest = city.client.get(URL, headers=key, params={"limit": 6, "from": first["next_from"]}).json()
    seen = [i["ts"] for i in first["items"] + rest["items"]]
    assert seen == sorted(set(seen))
    assert (len(seen), rest["next_from"]) == (10, None)


def test_buckets_are_aggregates_and_say_so(city: City) -> None:
    city.asset("lamp", attributes={"reporting_interval_s": 60})
    _write(city, [13], power_w=10)
    _write(city, [12], power_w=20)
    params = {"bucket": "5m", "agg": "mean,max,count", "fields": "power_w"}
    answer = city.client.get(URL, headers=city.key("*"), params=params).json()
    assert answer["thinned"] is True
    assert sum(i["count"] for i in answer["items"]) == 2
    assert max(i["values"]["power_w"]["max"] for i in answer["items"]) == 20
    assert [g["to"] for g in answer["gaps"]][-1] == rfc3339(NOW_US)


def test_the_configured_interval_decides_what_a_gap_is(city: City) -> None:
    asset = city.asset("lamp", attributes={"reporting_interval_s": 60})
    _write(city, [20, 10], power_w=1)
    params = {"from": rfc3339(NOW_US - 20 * MINUTE_US), "to": rfc3339(NOW_US - 10 * MINUTE_US + 1000)}
    key = city.key("*")
    assert len(city.client.get(URL, headers=key, params=params).json()["gaps"]) == 1
    with city.registry.write() as tx:
        config = DesiredConfig("lamp", asset.tenant_id, asset.kind, 1, {"reporting_interval_s": 600}, NOW_US)
        tx.get(DesiredConfigs).put(config, 0)
    assert city.client.get(URL, headers=key, params=params).json()["gaps"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"fields": "power_w,colour"}, "query.fields.colour"),
        ({"bucket": "5x"}, "query.bucket"),
        ({"bucket": "1s", "from": "2020-01-01T00:00:00Z"}, "query.bucket"),
        ({"bucket": "5m", "agg": "mode"}, "query.agg"),
        ({"from": "yesterday"}, "query.from"),
        ({"from": "2026-05-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}, "query.from"),
        ({"series": "event_party"}, "query.series"),
        ({"limit": "0"}, "query.limit"),
    ],
)
def test_a_wrong_question_names_its_field(city: City, params: dict[str, str], field: str) -> None:
    city.asset("lamp")
    answer = city.client.get(URL, headers=city.key("*"), params=params)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [field]


def test_csv_is_streamed_whole_and_runs_no_formula(city: City) -> None:
    city.asset("lamp")
    _write(city, list(range(1, 1201)), power_w=-1.5)
    answer = city.client.get(URL, headers=city.key("*") | {"Accept": "text/csv"}, params={"fields": "power_w"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["ts", "ts_source", "received_at", "suspect", "power_w"]
    assert len(rows) == 1201
    assert rows[1][4] == "-1.5"


def test_a_time_that_is_that_of_receipt_is_marked(city: City) -> None:
    city.asset("lamp")
    key = city.key("*")
    asleep, awake = NOW_US - 2 * MINUTE_US, NOW_US - MINUTE_US
    times = ((asleep, asleep), (awake, NOW_US))
    series = "event_supply_loss"
    for name in ("telemetry", series):
        city.writer.write([Sample("lamp", "streetlight", "kl", name, "", ts, got, {}) for ts, got in times])
    with city.registry.write() as tx:
        tx.get(LatestValues).put([LatestValue("lamp", "streetlight", "kl", "telemetry", "", asleep, asleep, {})])
    told = city.client.get(URL, headers=key).json()["items"]
    assert [i["ts_source"] for i in told] == ["receipt", "device"]
    events = city.client.get("/api/v1/devices/lamp/events", headers=key).json()["items"]
    assert [i["ts_source"] for i in events] == ["device", "receipt"]
    newest = city.client.get("/api/v1/devices/lamp/latest", headers=key).json()["items"]
    assert [i["ts_source"] for i in newest] == ["receipt"]
    table = city.client.get(URL, headers=key | {"Accept": "text/csv"}).text.splitlines()
    assert [line.split(",")[1] for line in table] == ["ts_source", "receipt", "device"]


def _events(city: City) -> list[str]:
    return list(city.catalog["streetlight"].events)


def test_events_of_all_names_come_newest_first_in_pages(city: City) -> None:
    city.asset("lamp")
    names = _events(city)[:2]
    for name in names:
        _write(city, [1, 2, 3, 4], series=f"event_{name}", text="=1+1")
    key = city.key("*")
    seen, cursor = [], None
    while True:
        page = city.client.get(
            "/api/v1/devices/lamp/events", headers=key, params={"limit": 3} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [(e["ts"], e["name"]) for e in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 4 * len(names)
    assert [ts for ts, _ in seen] == sorted((ts for ts, _ in seen), reverse=True)
    series = f"event_{names[0]}"
    table = city.client.get(URL, headers=key | {"Accept": "text/csv"}, params={"series": series, "fields": "text"})
    assert table.text.splitlines()[1].endswith(",'=1+1")


def test_series_and_parts_are_listed(city: City) -> None:
    city.asset("lamp")
    _write(city, [1], power_w=1)
    items = city.client.get("/api/v1/devices/lamp/series", headers=city.key("*")).json()["items"]
    assert [(i["series"], i["parts"]) for i in items] == [("telemetry", [""])]
    assert "power_w" in items[0]["fields"]


def test_a_day_in_five_minutes_answers_quickly(city: City) -> None:
    city.asset("lamp")
    _write(city, list(range(1, 1441)), power_w=10, level_pct=50)
    params = {"bucket": "5m", "fields": "power_w,level_pct", "from": rfc3339(NOW_US - 24 * HOUR_US)}
    answer = city.client.get(URL, headers=city.key("*"), params=params).json()
    assert len(answer["items"]) in {288, 289}
    assert answer["gaps"] == []
