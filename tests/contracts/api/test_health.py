"""Health tells the truth."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from api.health_monitor import EVERY_S, SelfWatch
from application.health.assessment import assess_health
from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.registry import RegistryTransaction
from devices.time_us import SECOND_US
from tests.contracts.api.conftest import NOW_US, City

PARTS = ("gateway", "broker", "journal/telemetry", "journal/control", "store", "scheduler", "canary")

GATEWAYS = Heartbeat("gateway", NOW_US, ok=True, last_success_us=NOW_US, detail={})


def _beat(city: City, **changed: Heartbeat) -> None:
    beats = {p: Heartbeat(p, NOW_US, ok=True, last_success_us=NOW_US, detail={"secret": "x"}) for p in PARTS} | changed
    with city.registry.write() as tx:
        tx.get(HeartbeatRepository).put(list(beats.values()))


def test_ready_when_every_part_beats(city: City) -> None:
    _beat(city)
    answer = city.client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (200, [])
    assert answer.json()["summary"] == "Everything works."
    assert {p["part"] for p in answer.json()["parts"]} == {"registry", "api", "audit", *PARTS}
    assert "secret" not in answer.text


def test_a_part_nobody_heard_of_is_a_reason(city: City) -> None:
    answer = city.client.get("/readyz")
    assert answer.status_code == 503
    assert len(answer.json()["reasons"]) == 6
    assert answer.json()["summary"].startswith("The gateway does not run or hangs: start it again")


def test_a_silent_part_is_a_reason(city: City) -> None:
    _beat(city)
    city.clock.now_us += 21 * SECOND_US
    answer = city.client.get("/readyz").json()
    assert "gateway: silent for 21 s" in answer["reasons"]


def test_a_part_that_does_not_work_is_a_reason_with_its_age(city: City) -> None:
    _beat(city, store=Heartbeat("store", NOW_US, ok=False, last_success_us=NOW_US - 90 * SECOND_US, detail={}))
    answer = city.client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["store: does not work"])
    assert answer.json()["summary"].startswith("The telemetry store does not answer")
    store = next(p for p in answer.json()["parts"] if p["part"] == "store")
    assert store["last_success_age_s"] == 90


def test_a_registry_that_cannot_be_written_is_named(city: City) -> None:
    """What the API finds out by itself: its own beat grows old while the gateway's are fresh."""
    city.clock.now_us += 21 * SECOND_US
    with city.registry.write() as tx:
        beats = [Heartbeat(p, city.clock.now_us, ok=True, last_success_us=None, detail={}) for p in PARTS]
        tx.get(HeartbeatRepository).put(beats)
    answer = city.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["summary"].startswith("The registry database cannot be written: ")


def test_an_audit_log_that_cannot_be_written_is_named_and_forgotten(city: City, tmp_path: Path) -> None:
    _beat(city)
    watch, key = city.client.app.state.self_watch, city.key("*", tenant_id="kl")  # type: ignore[attr-defined]
    group = {"kind": "streetlight", "name": "East"}
    with closing(sqlite3.connect(tmp_path / "registry.db")) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no more'); END")
        watch.judge_health()
        answer = city.client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["audit: does not work"])
        assert answer.json()["summary"].startswith("The audit log cannot be written, so nothing is done")
        assert city.client.post("/api/v1/groups", json=group, headers=key).status_code == 503
        other.execute("DROP TRIGGER full")
    watch.judge_health()
    assert city.client.get("/readyz").status_code == 200
    assert city.client.post("/api/v1/groups", json=group, headers=key).status_code == 201
    entries = city.client.get("/api/v1/audit", headers=city.key("*")).json()["items"]
    assert [entry["action"] for entry in entries if entry["action"].startswith("system.")] == []


@dataclass
class Busy:
    """A registry in which one waits long, but not too long, before one may write."""

    city: City
    read: object = field(init=False)
    causes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.read = self.city.registry.read

    @contextmanager
    def write(self) -> Iterator[RegistryTransaction]:
        self.city.clock.now_us += round(4.9 * SECOND_US)
        _beat(self.city, **{p: replace(GATEWAYS, part=p, at_us=self.city.clock.now_us) for p in PARTS})
        self.causes |= set(assess_health(self.city.services.beats(), self.city.clock.now_us).roots)
        with self.city.registry.write() as tx:
            yield tx


def test_a_registry_that_is_merely_busy_is_no_reason(city: City) -> None:
    app = city.client.app
    registry = Busy(city)
    watch = SelfWatch(replace(city.services, registry=registry), app.state.metrics)  # type: ignore[attr-defined,arg-type]
    for _ in range(5):
        watch.judge_health()
        city.clock.now_us += round(EVERY_S * SECOND_US)
    assert registry.causes == set()


def test_metrics_tell_readiness_and_its_cause(city: City) -> None:
    _beat(city, store=Heartbeat("store", NOW_US, ok=False, last_success_us=None, detail={"fault": "store_token"}))
    city.client.app.state.self_watch.judge_health()  # type: ignore[attr-defined]
    text = city.client.get("/metrics").text
    assert "lautern_ready 0.0" in text
    assert 'lautern_cause{fault="store_token"} 1.0' in text
    assert 'lautern_cause{fault="store_away"} 0.0' in text


def test_metrics_count_by_area_and_never_by_device(city: City) -> None:
    city.asset("lamp-with-a-name")
    city.client.get("/api/v1/devices/lamp-with-a-name", headers=city.key("*"))
    text = city.client.get("/metrics").text
    assert 'area="api",method="GET",status="200"' in text
    assert "lamp-with-a-name" not in text


def test_documentation_comes_from_us_alone(city: City) -> None:
    page = city.client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "favicon-32x32.png"):
        assert f"docs/assets/{name}" in page.text
        assert city.client.get(f"/docs/assets/{name}").status_code == 200


def test_a_process_that_cannot_be_kept_alive_is_named_by_readiness(city: City) -> None:
    _beat(city)
    text = "ended 7 times since 2026-11-29T21:00:00Z, at last: exit code 1"
    detail = {"fault": SystemFault.PROCESS_DIES, "text": text}
    dying = Heartbeat("process/auth_callout", city.clock.now_us, ok=False, last_success_us=None, detail=detail)
    city.client.app.state.services = replace(city.services, processes=lambda: [dying])  # type: ignore[attr-defined]
    told = city.client.get("/readyz").json()
    assert f"process/auth_callout: {text}" in told["reasons"]
    assert told["summary"].startswith(SENTENCES[SystemFault.PROCESS_DIES].cause.en)
