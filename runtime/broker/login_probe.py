"""Whether the embedded broker lets a device in: the auth callout reads what changed about twice a second."""

import re
import secrets
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from runtime.tcp_ports import port_answers

_LISTENS: Final = re.compile(r'^mqtt \{\s+host: "([^"]*)", port: (\d+)', re.MULTILINE)
_CERTIFICATE: Final = re.compile(r'^  tls \{ cert_file: "([^"]*)"', re.MULTILINE)
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to knock, not where to listen
_ANSWER_S: Final = 2.0
_TURN_S: Final = 0.6


@dataclass(frozen=True, slots=True)
class BrokerListener:
    """Where a broker listens; `certificate`: its own, where it speaks TLS."""

    host: str
    port: int
    certificate: str | None = None


def wait_admitted(folder: Path, user: str, password: str, timeout_s: float = 10) -> bool:
    """Wait until the broker of this folder accepts a login; False when it does not in time.

    True when none runs, and when it asks for certificates.
    """
    place = _place(folder / "nats.conf")
    deadline = time.monotonic() + timeout_s
    while place is not None and port_answers(place.host, place.port):
        # First the auth callout's turn: a refusal would be recorded.
        time.sleep(_TURN_S)
        if broker_admits(place, user, password):
            return True
        if time.monotonic() > deadline:
            return False
    return True


def broker_admits(place: BrokerListener, user: str, password: str) -> bool:
    """Tell whether an MQTT broker accepts a login, under a client id that disturbs no session of the device."""
    said: list[ReasonCode] = []

    def heard(_client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _more: Properties | None) -> None:
        said.append(code)

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{user}/login-check-{secrets.token_hex(8)}")
    client.on_connect = heard
    client.username_pw_set(user, password)
    if place.certificate is not None:
        client.tls_set_context(_pinned(place.certificate))
    until = time.monotonic() + _ANSWER_S
    try:
        client.connect(place.host, place.port)
        while not said and time.monotonic() < until and client.loop(0.1) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        client.disconnect()
    except OSError:
        return False
    return bool(said) and not said[0].is_failure


def _pinned(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _place(conf: Path) -> BrokerListener | None:
    try:
        text = conf.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    found, certificate = _LISTENS.search(text), _CERTIFICATE.search(text)
    if found is None or "verify: true" in text:
        return None
    return BrokerListener(_EVERYWHERE.get(found[1], found[1]), int(found[2]), certificate[1] if certificate else None)
