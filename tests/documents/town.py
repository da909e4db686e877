"""What a guide's reader has at hand: free ports, and a look at MQTT as the gateway sees it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.documents.shell import Shell, environment
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

LOOPBACK: Final = "127.0.0.1"


class Town:
    """A folder in which `lautern init` and `lautern up` are run; the ports of the guide are replaced by free ones."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.mqtt_port, self.http_port = claim_port(), claim_port()
        variables = {
            "LAUTERN_BROKER__URL": f"mqtt://{LOOPBACK}:{self.mqtt_port}",
            "LAUTERN_HTTP__PORT": str(self.http_port),
            "LAUTERN_GATEWAY__METRICS_PORT": str(claim_port()),
        }
        instead = {f"{LOOPBACK}:8000": f"{LOOPBACK}:{self.http_port}", "1883": str(self.mqtt_port)}
        self.shell = Shell(folder, environment(root, folder, variables), instead)

    def wait_ready(self) -> None:
        """Wait until all parts of `lautern up` say that they work."""
        self.shell.until(f"curl -sS http://{LOOPBACK}:{self.http_port}/readyz", '"ready":true', timeout_s=60)

    @contextmanager
    def listening(self, topic: str) -> Iterator["Ear"]:
        """Hear and speak as the gateway may, beside it."""
        password = (self.folder / "var/broker/gateway.password").read_text().strip()
        ear = Ear()
        client = Client(CallbackAPIVersion.VERSION2, client_id="ear")
        client.username_pw_set("gateway", password)
        subscribed = threading.Event()
        client.on_message = ear.hear
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_connect = lambda c, *_: c.subscribe(topic, 1)
        client.connect(LOOPBACK, self.mqtt_port)
        client.loop_start()
        ear.client = client
        try:
            assert subscribed.wait(10)
            yield ear
        finally:
            client.disconnect()
            client.loop_stop()


class Ear:
    """Messages in order of arrival, by the last level of their topic."""

    client: Client

    def __init__(self) -> None:
        self._heard: list[tuple[str, dict[str, Any]]] = []

    def hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        """Take a message."""
        if message.payload:
            self._heard.append((message.topic.rpartition("/")[2], json.loads(message.payload)))

    def say(self, topic: str, body: dict[str, Any], *, retain: bool = False) -> None:
        """Publish; returns when the broker has it."""
        self.client.publish(topic, json.dumps(body), 1, retain=retain).wait_for_publish(10)

    def clear(self, topic: str) -> None:
        """Take a retained message away."""
        self.client.publish(topic, b"", 1, retain=True).wait_for_publish(10)

    def of(self, channel: str) -> list[dict[str, Any]]:
        """What was said on a channel."""
        return [body for name, body in list(self._heard) if name == channel]

    def wait(self, channel: str, count: int, timeout_s: float = 15) -> list[dict[str, Any]]:
        """Wait for so many messages on a channel."""
        wait_until(lambda: len(self.of(channel)) >= count, timeout_s=timeout_s, what=f"{count} on {channel}")
        return self.of(channel)
