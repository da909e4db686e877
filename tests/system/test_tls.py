"""TLS on what others reach: `lautern init --public-host` sets it up, and nothing starts without that should have it."""

import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.real_parts import finding
from tests.real_parts.ports import answers, claim_port
from tests.real_parts.servers import Server, serving
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT

pytestmark = pytest.mark.timeout(120)
USER = "kl/streetlight/L1"


@dataclass(frozen=True)
class Town:
    """An installation that others reach, by TLS."""

    folder: Path
    mqtt: int
    metrics: int
    http: int
    server: Server

    @property
    def authority(self) -> str:
        """Whom to trust."""
        return str(self.folder / "tls" / "ca.pem")

    def get(self, path: str) -> Any:
        """Answer of the API, trusted because of its certificate."""
        context = ssl.create_default_context(cafile=self.authority)
        with urllib.request.urlopen(f"https://localhost:{self.http}{path}", timeout=10, context=context) as answer:
            return json.load(answer)


def lautern(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = ["env", f"PYTHONPATH={ROOT}", *(f"LAUTERN_{k}={v}" for k, v in variables.items())]
    command += [sys.executable, "-m", "cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    finding.require(finding.nats_server(), "nats-server", "install requirements/run.lock")
    folder = tmp_path_factory.mktemp("tls") / "town"
    mqtt, metrics, http = claim_port(), claim_port(), claim_port()
    made = lautern("init", "--data-dir", folder, "--public-host", "lamps.example")
    assert made.returncode == 0, made.stderr
    settings = {"BROKER__URL": f"mqtts://0.0.0.0:{mqtt}", "GATEWAY__METRICS_PORT": str(metrics)}
    variables = [f"LAUTERN_{name}={value}" for name, value in settings.items()]
    up: list[str | Path] = [sys.executable, "-m", "cli", "up", "--data-dir", folder, "--port", str(http)]
    command: list[str | Path] = ["env", f"PYTHONPATH={ROOT}", *variables, *up]
    with serving(Server("up", command, folder=folder, ready=lambda: answers(mqtt))) as server:
        running = Town(folder, mqtt, metrics, http, server)
        wait_until(lambda: server.log.read_text().count("mqtt_ready") >= 2, timeout_s=60, what="the gateway by TLS")
        wait_until(lambda: answers(http), timeout_s=60, what="the API")
        yield running


def test_the_api_speaks_https_and_tells_browsers_to_stay_with_it(town: Town) -> None:
    assert town.get("/version")["version"]
    context = ssl.create_default_context(cafile=town.authority)
    with urllib.request.urlopen(f"https://localhost:{town.http}/healthz", timeout=10, context=context) as answer:
        assert "max-age" in answer.headers["Strict-Transport-Security"]
    with urllib.request.urlopen(f"https://localhost:{town.metrics}/metrics", timeout=10, context=context) as answer:
        assert b"lautern_received_total" in answer.read()
    with pytest.raises(OSError, match=r"self.signed|unable to get local issuer"):
        urllib.request.urlopen(
            f"https://localhost:{town.http}/healthz", timeout=10, context=ssl.create_default_context()
        )


def test_a_lamp_connects_by_tls_only(town: Town) -> None:
    added = lautern("broker", "add-device", USER, "--data-dir", town.folder, BROKER__URL=f"mqtts://0.0.0.0:{town.mqtt}")
    assert added.returncode == 0, added.stderr
    for encrypted in (True, False):
        said: list[str] = []
        client = Client(CallbackAPIVersion.VERSION2, client_id="L1")
        client.on_connect = lambda _c, _d, _f, code, _p, said=said: said.append(str(code))
        client.on_disconnect = lambda _c, _d, _f, _code, _p, said=said: said.append("cut")
        client.username_pw_set(USER, added.stdout.strip())
        if encrypted:
            client.tls_set_context(ssl.create_default_context(cafile=town.authority))
        client.connect("localhost", town.mqtt)
        client.loop_start()
        wait_until(partial(bool, said), timeout_s=20, what="an answer")
        client.disconnect()
        client.loop_stop()
        assert said[0] == ("Success" if encrypted else "cut")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"HTTP__HOST": "0.0.0.0"}, "http.host = '0.0.0.0' can be reached from elsewhere and has no TLS"),
        ({"BROKER__URL": "mqtt://0.0.0.0:2883"}, "can be reached from elsewhere and has no TLS"),
        ({"BROKER__URL": "mqtts://0.0.0.0:2883"}, "set broker.tls_cert_file and broker.tls_key_file"),
        ({"HTTP__TLS_CERT_FILE": "x.pem"}, "tls_cert_file and tls_key_file belong together"),
        ({"HTTP__TRUSTED_PROXIES": '["everybody"]'}, "http.trusted_proxies"),
    ],
)
def test_nothing_starts_that_should_have_tls_and_has_not(
    settings: Mapping[str, str], sentence: str, tmp_path: Path
) -> None:
    for verb in ("up", "doctor"):
        refused = lautern(verb, "--data-dir", tmp_path, **settings)
        assert refused.returncode != 0
        assert sentence in refused.stderr + refused.stdout


@pytest.mark.usefixtures("faketime_program")
def test_a_certificate_that_ends_soon_is_told(town: Town) -> None:
    seen = lautern("doctor", "--data-dir", town.folder)
    assert "server.pem is good for 396 days" in seen.stdout
    late = subprocess.run(
        ["faketime", "-f", "+380d", "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "cli.doctor",
         "--data-dir", town.folder],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "ends in 16 days" in late.stdout
    assert late.returncode == 1
