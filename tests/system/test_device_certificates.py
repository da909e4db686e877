"""Certificates instead of passwords: each client shows one, and the registry says which is good for whom."""

import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.real_parts import finding
from tests.real_parts.ports import answers, claim_port
from tests.real_parts.servers import Server, serving
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT
from tests.system.test_tls import lautern

pytestmark = pytest.mark.timeout(150)
ONE, TWO = "kl/streetlight/L1", "kl/streetlight/L2"


@contextmanager
def client(town: Path, port: int, device: str, user: str) -> Iterator[list[str]]:
    """What happens to a client that shows a device's certificate, or none, and says that it is `user`."""
    said: list[str] = []
    speaker = Client(CallbackAPIVersion.VERSION2, client_id=user)
    speaker.username_pw_set(user)
    context = ssl.create_default_context(cafile=str(town / "tls" / "ca.pem"))
    if device:
        context.load_cert_chain(town / f"{device}.pem", town / f"{device}.key")
    speaker.tls_set_context(context)
    speaker.on_connect = lambda *happened: said.append(str(happened[3]))
    speaker.on_disconnect = lambda *_happened: said.append("cut")
    try:
        speaker.connect("localhost", port)
        speaker.loop_start()
        yield said
    finally:
        speaker.disconnect()
        speaker.loop_stop()


def first_word(town: Path, port: int, device: str, user: str) -> str:
    with client(town, port, device, user) as said:
        wait_until(lambda: bool(said), timeout_s=20, what="an answer")
        return said[0]


def test_a_certificate_lets_its_device_in_until_it_is_revoked(tmp_path: Path) -> None:
    finding.require(finding.nats_server(), "nats-server", "install requirements/run.lock")
    town = tmp_path / "town"
    mqtt, metrics, http = claim_port(), claim_port(), claim_port()
    assert lautern("init", "--data-dir", town, "--public-host", "lamps.example").returncode == 0
    for user in (ONE, TWO):
        made = lautern("broker", "certify", user, "--to", town, "--data-dir", town)
        assert made.returncode == 0, made.stderr
    settings = {
        "BROKER__URL": f"mqtts://127.0.0.1:{mqtt}",
        "BROKER__DEVICES_CA_FILE": str(town / "tls" / "ca.pem"),
        "GATEWAY__METRICS_PORT": str(metrics),
    }
    variables = [f"LAUTERN_{name}={value}" for name, value in settings.items()]
    up = [sys.executable, "-m", "cli", "up", "--data-dir", str(town), "--port", str(http)]
    command = ["env", f"PYTHONPATH={ROOT}", *variables, *up]
    with serving(Server("up", command, folder=town, ready=lambda: answers(mqtt))) as server:
        wait_until(
            lambda: server.log.read_text().count("mqtt_ready") >= 2, timeout_s=60, what="the gateway shows its own"
        )
        wait_until(lambda: "auth_callout_open" in server.log.read_text(), timeout_s=60, what="the auth callout")
        assert first_word(town, mqtt, "L2", ONE) == "Not authorized"
        assert first_word(town, mqtt, "", ONE) == "cut"
        with client(town, mqtt, "L1", ONE) as said, client(town, mqtt, "L2", TWO) as other:
            wait_until(lambda: said == other == ["Success"], timeout_s=20, what="both let in")
            assert lautern("broker", "drop-device", ONE, "--data-dir", town).returncode == 0
            wait_until(lambda: "cut" in said, timeout_s=60, what="the connection is cut")
            assert other == ["Success"]
        assert first_word(town, mqtt, "L1", ONE) == "Not authorized"
