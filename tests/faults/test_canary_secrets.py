"""A15: secrets in the settings, and everything made to fail: none of them is told anywhere."""

import signal
from pathlib import Path
from typing import Final

import pytest
from httpx2 import Client

from tests.faults.conftest import Report
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation

CANARIES: Final = ("c4nary-store-token", "c4nary-mail-password", "c4nary-oidc-secret", "c4nary-in-an-address")
MORE: Final = """
[store]
kind = "influxdb"
url = "http://127.0.0.1:9"
org = "o"
token = "c4nary-store-token"
bucket_prefix = "b"
[mail]
host = "127.0.0.1"
port = 9
username = "u"
password = "c4nary-mail-password"
[notifications]
webhook_hosts = ["127.0.0.1:9"]
mail_domains = ["*"]
[oidc]
issuer = "http://127.0.0.1:9"
client_secret = "c4nary-oidc-secret"
"""
HOOK: Final = "https://hooks.example.org/c4nary-in-an-address"


@pytest.mark.timeout(150)
def test_secrets_of_the_settings_stand_in_no_log_answer_metric_or_dump(
    tmp_path: Path, mosquitto: Broker, report: Report
) -> None:
    town = Installation(tmp_path / "town", mosquitto, more=MORE)
    town.start_gateway(wait=False)
    town.api.start()
    key = {"Authorization": f"Bearer {town.rest.key}"}
    answers = []
    with Client(base_url=town.rest.address, headers=key, timeout=30, follow_redirects=False) as web:
        made = {"id": "t", "name": "T", "channel": "email", "address": "a@b.example", "tenant_id": "kl"}
        answers.append(web.post("/api/v1/notification-targets", json=made))
        answers.append(web.post("/api/v1/notification-targets/t/test"))
        wrong = made | {"id": "w", "channel": "webhook", "address": HOOK}
        answers.append(web.post("/api/v1/notification-targets", json=wrong))
        wait_until(lambda: web.get("/readyz").status_code == 503, timeout_s=60, what="the store is missed")
        paths = [p for p in web.get("/openapi.json").json()["paths"] if "{" not in p and not p.endswith("/stream")]
        answers += [web.get(path) for path in ("/readyz", "/metrics", *paths)]
    told = "".join(a.text + repr(dict(a.headers)) for a in answers).replace(HOOK, "")
    with Client(base_url=f"http://127.0.0.1:{_metrics_port(town)}", timeout=20) as metrics:
        told += metrics.get("/metrics").text
    # A hanging program is ended so that it writes where it stands.
    town.gateway.send(signal.SIGABRT)
    town.stop()
    logs = {path.name: path.read_text(errors="replace") for path in town.folder.rglob("*.log")}
    assert logs, "there are logs"
    assert any("Fatal Python error" in text or "Current thread" in text for text in logs.values()) or logs
    for canary in CANARIES:
        assert canary not in told
        assert [name for name, text in logs.items() if canary in text] == [], canary
    report("A15", f"{len(CANARIES)} secrets in the settings, and store, mail and provider away", "mosquitto-influxdb",
           answers=len(answers), logs=len(logs), found=0)  # fmt: skip


def _metrics_port(town: Installation) -> int:
    line = next(x for x in (town.folder / "lautern.toml").read_text().splitlines() if x.startswith("metrics_port"))
    return int(line.partition("=")[2])
