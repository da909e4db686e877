"""What alerts and dashboard name is what gateway and API serve, and the rules do what they say."""

import json
import re
import secrets
import subprocess
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from application.health.faults import SystemFault
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Installation, running

PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD = ROOT / "deploy/grafana/dashboards/lautern.json"
PROMISED = {
    "lautern_mqtt_received_total", "lautern_received_total", "lautern_stored_total", "lautern_duplicate_total",
    "lautern_conflict_total", "lautern_dead_letter_total", "lautern_journal_bytes", "lautern_journal_bound_bytes",
    "lautern_journal_messages", "lautern_journal_oldest_age_seconds", "lautern_unacked", "lautern_stale_acks_total",
    "lautern_sessions_lost_total", "lautern_gap_messages", "lautern_canary_latency_seconds",
    "lautern_canary_age_seconds", "lautern_store_write_seconds_bucket", "lautern_store_errors_total",
    "lautern_store_bisect_total", "lautern_commands", "lautern_scheduler_lag_seconds", "lautern_loop_troubles_total",
    "lautern_loop_still_seconds", "process_start_time_seconds", "lautern_ready", "lautern_cause",
}  # fmt: skip
LABELS = {"unit", "lane", "reason", "part", "fault", "loop", "state", "status", "area", "method", "le", "generation"}
NAME = re.compile(r"\b(?:lautern|process)_[a-z0-9_]+\b(?!\()")
UNANSWERED = re.compile(r'lautern_store_errors_total\{status="none"\} [1-9]')
METER = "meter-that-nobody-registered"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def town(mosquitto: Broker, influxdb: InfluxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("town"), mosquitto, influxdb, f"t{secrets.token_hex(6)}") as town:
        yield town


@pytest.fixture(scope="module")
def served(mosquitto_pub_program: Path, town: Installation) -> dict[str, list[Any]]:
    """Samples of both `/metrics` by name, after an error of the store and a dead letter took place."""
    wait_until(lambda: town.rest.call("GET", "/readyz")[0] == 200, timeout_s=30, what="ready")
    assert town.influx is not None
    with town.influx.server.paused():
        wait_until(lambda: UNANSWERED.search(_text(town)), timeout_s=40, what="an unanswered request")
    _publish_refused(town)
    wait_until(lambda: 'lautern_dead_letter_total{reason="unregistered"}' in _text(town), what="a dead letter")
    wait_until(lambda: town.rest.call("GET", "/readyz")[0] == 200, timeout_s=30, what="ready again")
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(_text(town)):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def _text(town: Installation) -> str:
    port = tomllib.loads((town.folder / "lautern.toml").read_text())["gateway"]["metrics_port"]
    texts = []
    for address in (f"http://127.0.0.1:{port}/metrics", f"{town.rest.address}/metrics"):
        with urllib.request.urlopen(address, timeout=10) as answer:
            texts.append(answer.read().decode())
    return "\n".join(texts)


def _publish_refused(town: Installation) -> None:
    broker = town.broker
    command = [
        "mosquitto_pub", "-h", broker.host, "-p", str(broker.port), "-u", broker.device.user, "-P",
        broker.device.password, "-q", "1", "-t", f"city/v1/kl/streetlight/{METER}/telemetry",
        "-m", json.dumps({"v": 1, "device_id": METER, "boot_id": "b", "seq": 1, "power_w": 1.0}),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=20)


def test_everything_that_alerts_and_dashboard_name_is_served(served: dict[str, list[Any]]) -> None:
    named = {name for text in [*_rules(), *_panels()] for name in NAME.findall(text)}
    assert len(named) > 20
    assert named - set(served) == set()


def test_everything_that_is_promised_is_served(served: dict[str, list[Any]]) -> None:
    assert PROMISED - set(served) == set()


def test_no_label_names_a_device_a_kind_or_a_tenant(served: dict[str, list[Any]]) -> None:
    ours = [sample for name, samples in served.items() if name.startswith("lautern_") for sample in samples]
    assert {label for sample in ours for label in sample.labels} <= LABELS
    values = {value for sample in ours for value in sample.labels.values()}
    assert not [v for v in values if METER in v]
    assert not values & {"streetlight", "fire_drone", "event_network", "kl"}


def test_faults_named_in_alerts_exist() -> None:
    for expression in _rules():
        for match, value in re.findall(r'fault(=~|=)"([^"]+)"', expression):
            found = [f for f in SystemFault if (re.fullmatch(value, f) if match == "=~" else value == f)]
            assert len(found) >= len(value.split("|")), expression


def test_every_alert_has_a_severity_a_summary_and_a_remedy() -> None:
    rules = [rule for group in _alerts() for rule in group["rules"]]
    for rule in rules:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
    marks = re.findall(r"lautern_journal_bytes / lautern_journal_bound_bytes >= (\d+)", str(rules))
    assert marks == ["50", "80", "95"]


def test_rules_are_valid_and_fire_when_they_should(promtool_program: Path) -> None:
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts-test.yml"]):
        done = subprocess.run(
            [promtool_program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_compose_mounts_what_is_there_and_scrapes_both() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name in ("prometheus", "grafana"):
        service = compose["services"][name]
        assert service["profiles"] == ["monitoring"]
        assert all((ROOT / v.split(":")[0]).is_dir() for v in service["volumes"] if v.startswith("./"))
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    targets = [target.split(":")[0] for job in jobs for some in job["static_configs"] for target in some["targets"]]
    assert set(targets) <= set(compose["services"])
    provisioned = ROOT / "deploy/grafana/provisioning"
    source = yaml.safe_load((provisioned / "datasources/prometheus.yml").read_text())["datasources"][0]
    assert {p["datasource"]["uid"] for p in _dashboard()["panels"] if "datasource" in p} == {source["uid"]}
    provider = yaml.safe_load((provisioned / "dashboards/lautern.yml").read_text())["providers"][0]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]


def _alerts() -> list[dict[str, Any]]:
    return list(yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"])


def _rules() -> list[str]:
    return [rule["expr"] for group in _alerts() for rule in group["rules"]]


def _dashboard() -> dict[str, Any]:
    return dict(json.loads(Path(DASHBOARD).read_text()))


def _panels() -> list[str]:
    return [target["expr"] for panel in _dashboard()["panels"] for target in panel.get("targets", ())]
