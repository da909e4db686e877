"""Webhooks, sent to a real web server; and everything they are not sent to."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest

from application.notifications.allow_list import Address, NotAllowed, TargetAllowList
from application.notifications.deliveries import NotificationDelivery
from application.notifications.errors import NotDelivered, Undeliverable
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel, NotificationTarget
from application.notifications.webhook_signature import new_secret
from devices.errors import LauternError
from gateway.notifications.delivery_attempts import DeliveryAttempts
from gateway.notifications.webhook import WebhookSender
from tests.real_parts.certificates import self_signed
from tests.real_parts.hooks import Hook, hook
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

SECRET: Final = new_secret()
DELIVERY: Final = NotificationDelivery(
    delivery_id="d1",
    tenant_id="kl",
    target_id="t1",
    channel=NotificationChannel.WEBHOOK,
    occasion=NotificationOccasion.NEW,
    subject="",
    body=json.dumps({"id": "d1", "text": "Straße"}, ensure_ascii=False),
    created_us=1,
    next_attempt_us=1,
)


def target(url: str) -> NotificationTarget:
    return NotificationTarget("t1", "kl", "Ticket", NotificationChannel.WEBHOOK, url, secret=SECRET)


def send(url: str, *named: str, ca_file: Path | None = None) -> None:
    WebhookSender(TargetAllowList((), named), "1", ca_file=ca_file).attempt(DELIVERY, target(url)).run()


@pytest.fixture
def server() -> Iterator[Hook]:
    with hook() as taken:
        yield taken


def test_nothing_leaves_without_a_signature(server: Hook) -> None:
    """The secret is None where it was sealed with another key."""
    unreadable = replace(target(f"http://127.0.0.1:{server.port}/"), secret=None)
    attempt = WebhookSender(TargetAllowList((), (f"127.0.0.1:{server.port}",)), "1").attempt(DELIVERY, unreadable)
    attempt.cut()
    with pytest.raises(Undeliverable, match="another key"):
        attempt.run()
    assert server.calls == []


def test_a_webhook_arrives_signed(server: Hook) -> None:
    send(f"http://127.0.0.1:{server.port}/in?town=kl", f"127.0.0.1:{server.port}")
    (call,) = server.calls
    assert (call.path, call.body) == ("/in?town=kl", DELIVERY.body.encode())
    assert call.headers["host"] == f"127.0.0.1:{server.port}"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-id"] == "d1"
    assert abs(int(call.headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"d1.{call.headers['webhook-timestamp']}.".encode() + call.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert call.headers["webhook-signature"] == f"v1,{wanted}"


def test_tls_is_checked_against_the_name_though_the_address_was_looked_up_before(tmp_path: Path) -> None:
    pem = self_signed(tmp_path / "a.pem", "localhost")
    with hook(pem) as server:
        send(f"https://localhost:{server.port}/", f"localhost:{server.port}", ca_file=pem)
        assert server.calls[0].headers["host"] == f"localhost:{server.port}"
        with pytest.raises(NotDelivered, match="certificate of localhost is not trusted"):
            send(f"https://localhost:{server.port}/", f"localhost:{server.port}")
        with pytest.raises(NotDelivered, match=r"certificate of 127\.0\.0\.1 is not trusted"):
            send(f"https://127.0.0.1:{server.port}/", f"127.0.0.1:{server.port}", ca_file=pem)
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(302, Undeliverable), (307, Undeliverable), (410, Undeliverable), (404, NotDelivered), (500, NotDelivered)],
)
def test_what_is_no_success_is_said_and_no_redirect_followed(
    server: Hook, status: int, error: type[LauternError]
) -> None:
    with hook() as inside:
        server.status, server.location = status, f"http://127.0.0.1:{inside.port}/secret"
        with pytest.raises(error, match=f"HTTP {status}"):
            send(f"http://127.0.0.1:{server.port}/", "127.0.0.1:*", f"127.0.0.1:{server.port}")
        assert (len(server.calls), inside.calls) == (1, [])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
    ],
)
def test_addresses_inside_are_refused_where_only_public_ones_are_allowed(host: str) -> None:
    with pytest.raises(NotAllowed, match=r"leads to|not in"):
        send(f"https://{host}/", "*")


def test_a_name_is_looked_up_once_and_an_address_that_is_not_public_gets_nothing(server: Hook) -> None:
    answers = iter([["127.0.0.1"], ["::1", "127.0.0.1"], ["127.0.0.2"]])
    asked = []

    def resolve(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(a) for a in next(answers)]

    for _ in range(3):
        attempt = WebhookSender(TargetAllowList((), ("*",)), "1", resolve=resolve).attempt(
            DELIVERY, target("https://x.example/")
        )
        with pytest.raises(NotAllowed, match="leads to"):
            attempt.run()
    assert (len(asked), server.calls) == (3, [])


def test_the_connection_goes_to_the_checked_address_whatever_the_name_leads_to_now(server: Hook) -> None:
    """A second look-up of this name could lead nowhere: it does not exist."""
    place = f"rebinding.invalid:{server.port}"
    webhooks = WebhookSender(TargetAllowList((), (place,)), "1", resolve=lambda *_: [ip_address("127.0.0.1")])
    webhooks.attempt(DELIVERY, target(f"http://{place}/")).run()
    assert server.calls[0].headers["host"] == place


def test_a_name_that_nobody_knows_is_tried_again() -> None:
    with pytest.raises(NotDelivered, match="not known to the name service"):
        send("https://nobody.invalid/", "*")


def test_nobody_there_is_said_without_the_secret_in_the_path() -> None:
    port = claim_port()
    with pytest.raises(NotDelivered, match="does not answer") as failed:
        send(f"http://127.0.0.1:{port}/hush", f"127.0.0.1:{port}")
    assert "hush" not in str(failed.value)


def test_a_server_that_drips_is_cut_at_the_deadline() -> None:
    """Each byte comes in time for the time-out of a read; only the deadline ends it."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    over = threading.Event()

    def drip() -> None:
        accepted, _ = listening.accept()
        with accepted:
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
                try:
                    accepted.send(bytes([byte]))
                except OSError:
                    break
                if over.wait(0.05):
                    break

    dripping = threading.Thread(target=drip)
    dripping.start()
    attempts = DeliveryAttempts(deadline_s=0.5)
    place = f"127.0.0.1:{port}"
    attempts.begin(
        "d1", WebhookSender(TargetAllowList((), (place,)), "1").attempt(DELIVERY, target(f"http://{place}/"))
    )
    ended: list[tuple[str, LauternError | None]] = []

    def over_now() -> bool:
        ended.extend(attempts.ended())
        return bool(ended)

    wait_until(over_now)
    over.set()
    dripping.join()
    listening.close()
    assert isinstance(ended[0][1], NotDelivered)
    assert attempts.free() > 0


def test_the_gateway_ends_in_time_though_a_server_never_answers(server: Hook) -> None:
    server.holds = threading.Event()
    attempts = DeliveryAttempts(deadline_s=3600)
    place = f"127.0.0.1:{server.port}"
    attempts.begin(
        "d1", WebhookSender(TargetAllowList((), (place,)), "1").attempt(DELIVERY, target(f"http://{place}/"))
    )
    wait_until(lambda: server.calls)
    attempts.close()
    server.holds.set()
