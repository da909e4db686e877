"""Health tells the truth."""

from devices.instants import SECOND_US
from devices.ports.books import Heartbeat, Heartbeats
from tests.contracts.api.conftest import NOW_US, City

PARTS = ("gateway", "broker", "journal/telemetry", "journal/control", "store", "scheduler")


def _beat(city: City, **changed: Heartbeat) -> None:
    beats = {p: Heartbeat(p, NOW_US, ok=True, last_success_us=NOW_US, detail={"secret": "x"}) for p in PARTS} | changed
    with city.registry.write() as tx:
        tx.get(Heartbeats).put(list(beats.values()))


def test_ready_when_every_part_beats(city: City) -> None:
    _beat(city)
    answer = city.client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (200, [])
    assert {p["part"] for p in answer.json()["parts"]} == {"registry", *PARTS}
    assert "secret" not in answer.text


def test_a_part_nobody_heard_of_is_a_reason(city: City) -> None:
    answer = city.client.get("/readyz")
    assert answer.status_code == 503
    assert len(answer.json()["reasons"]) == 5


def test_a_silent_part_is_a_reason(city: City) -> None:
    _beat(city)
    city.clock.now_us += 61 * SECOND_US
    answer = city.client.get("/readyz").json()
    assert answer["reasons"][0].endswith("silent for 61 s")


def test_a_part_that_does_not_work_is_a_reason_with_its_age(city: City) -> None:
    _beat(city, store=Heartbeat("store", NOW_US, ok=False, last_success_us=NOW_US - 90 * SECOND_US, detail={}))
    answer = city.client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["store: does not work"])
    store = next(p for p in answer.json()["parts"] if p["part"] == "store")
    assert store["last_success_age_s"] == 90


def test_metrics_count_by_template_and_never_by_device(city: City) -> None:
    city.asset("lamp-with-a-name")
    city.client.get("/api/v1/devices/lamp-with-a-name", headers=city.key("*"))
    text = city.client.get("/metrics").text
    assert 'route="/devices/{asset_id}",status="200"' in text
    assert "lamp-with-a-name" not in text


def test_documentation_comes_from_us_alone(city: City) -> None:
    page = city.client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "favicon-32x32.png"):
        assert f"/docs/assets/{name}" in page.text
        assert city.client.get(f"/docs/assets/{name}").status_code == 200
