"""Whether the embedded broker lets a device in: it reads its users again about twice a second."""

import re
import secrets
import time
from pathlib import Path
from typing import Final

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from runtime.ports import answers

_LISTENS: Final = re.compile(r'^mqtt \{ host: "([^"]*)", port: (\d+)', re.MULTILINE)
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to knock, not where to listen
_ANSWER_S: Final = 2.0


def wait_admitted(folder: Path, user: str, password: str, timeout_s: float = 10) -> bool:
    """Wait until the broker of this folder accepts a login; False when it does not in time, True when none runs."""
    place = _place(folder / "nats.conf")
    deadline = time.monotonic() + timeout_s
    while place is not None and answers(*place):
        if admits(*place, user, password):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def admits(host: str, port: int, user: str, password: str) -> bool:
    """Tell whether an MQTT broker accepts a login, under a client id that nobody else has."""
    said: list[ReasonCode] = []

    def heard(_client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _more: Properties | None) -> None:
        said.append(code)

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"login-check-{secrets.token_hex(8)}")
    client.on_connect = heard
    client.username_pw_set(user, password)
    until = time.monotonic() + _ANSWER_S
    try:
        client.connect(host, port)
        while not said and time.monotonic() < until and client.loop(0.1) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        client.disconnect()
    except OSError:
        return False
    return bool(said) and not said[0].is_failure


def _place(conf: Path) -> tuple[str, int] | None:
    try:
        found = _LISTENS.search(conf.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return (_EVERYWHERE.get(found[1], found[1]), int(found[2])) if found else None
