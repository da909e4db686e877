"""From a lamp that fails to a mail in somebody's box and a call at a web server; through outages, once."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import pytest

from application.ports.alarms import AlarmRepository
from application.ports.inventory import AssetGroup, GroupRepository
from devices.alarms import Alarm
from devices.messages import EventSeverity
from storage.registry.engine import open_registry
from tests.real_parts.brokers import Broker
from tests.real_parts.hooks import Hook, hook
from tests.real_parts.mail import MailBox, mail_box
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running
from tests.system.speaking import Speaker, now_us

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("mosquitto_pub_program")]
SETTINGS = """
[mail]
host = "localhost"
port = {mail}
security = "none"
sender = "Lautern <lautern@stadt.example>"

[notifications]
mail_domains = ["stadt.example"]
webhook_hosts = ["*", "127.0.0.1:{hook}"]
"""


@dataclass(frozen=True)
class Street:
    """A running installation, its mail server and its web server."""

    town: Installation
    box: MailBox
    hook: Hook

    def mails(self, subject: str) -> list[EmailMessage]:
        return [mail for mail in self.box.mails() if subject in str(mail["Subject"])]

    def message(self, message_id: str) -> dict[str, Any]:
        return dict(self.town.rest.get(f"/notifications/{message_id}"))

    def fail(self, *device_ids: str) -> None:
        """Put alarms of lamps into the registry as the gateway does."""
        registry = open_registry(self.town.registry_url, migrate=False)
        at_us = now_us()
        common: dict[str, Any] = {"tenant_id": "kl", "kind": "streetlight", "name": "lamp_failure", "part": ""}
        common |= {
            "severity": EventSeverity.MAJOR,
            "since_us": at_us,
            "raised_us": at_us,
            "cleared_us": None,
            "details": {},
        }
        common |= {"acknowledged_us": None, "acknowledged_by": None, "comment": None}
        try:
            with registry.write() as tx:
                tx.get(AlarmRepository).add([Alarm(uuid.uuid4().hex, device_id, **common) for device_id in device_ids])
        finally:
            registry.close()


@pytest.fixture(scope="module")
def street(mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    box = mail_box(tmp_path_factory.mktemp("post"))
    box.server.start()
    with hook() as taken:
        more = SETTINGS.format(mail=box.port, hook=taken.port)
        with running(tmp_path_factory.mktemp("town"), mosquitto, more=more) as town:
            rest = town.rest
            rest.post("/notification-targets", target("licht", "email", "licht@stadt.example"))
            address = f"http://127.0.0.1:{taken.port}/alarms"
            rest.post("/notification-targets", target("ticket", "webhook", address))
            rest.post("/notification-rules", rule("all", ["licht", "ticket"]))
            yield Street(town, box, taken)
    box.server.stop()


def target(name: str, channel: str, address: str) -> dict[str, Any]:
    return {"id": name, "tenant_id": "kl", "name": name, "channel": channel, "address": address}


def rule(name: str, targets: list[str], **values: Any) -> dict[str, Any]:
    return {"id": name, "tenant_id": "kl", "name": name, "targets": targets, "gather_s": 5, **values}


def wait_mail(street: Street, subject: str) -> EmailMessage:
    wait_until(lambda: street.mails(subject), timeout_s=40, what=f"a mail {subject!r}, see {street.town.gateway.log}")
    return street.mails(subject)[-1]


def test_a_lamp_that_fails_becomes_a_mail_and_a_call_and_so_does_its_end(street: Street, unique_id: str) -> None:
    body = {"id": unique_id, "tenant_id": "kl", "kind": "streetlight", "name": "L07", "device_id": unique_id}
    street.town.rest.post("/devices", body)
    lamp = Speaker(street.town.broker, unique_id)

    def failed() -> bool:
        lamp.sample(command_level_pct=40, power_w=0.0)
        return bool(street.town.rest.items("/alarms", device=unique_id, open="true"))

    wait_until(failed, timeout_s=30, what="the alarm")
    mail = wait_mail(street, "L07 ausgefallen")
    assert (mail["X-RcptTo"], mail["From"]) == ("licht@stadt.example", "Lautern <lautern@stadt.example>")
    assert "Leuchte und Vorschaltgerät prüfen." in mail.get_content()
    wait_until(lambda: street.hook.calls, timeout_s=20)
    told = json.loads(street.hook.calls[-1].body)
    assert (told["type"], told["data"]["alarms"][0]["device_id"]) == ("alarm.new", unique_id)
    assert street.hook.calls[-1].headers["webhook-id"] == told["id"]

    lamp.sample(command_level_pct=40, power_w=20.0)
    assert "Wieder in Ordnung" in wait_mail(street, "Beendet: 1 Alarm: L07").get_content()
    assert len(street.mails("L07 ausgefallen")) == 2


def test_a_storm_is_one_mail_that_says_how_many(street: Street) -> None:
    names = [f"storm-{n:02}" for n in range(40)]
    street.town.register("kl", names)
    registry = open_registry(street.town.registry_url, migrate=False)
    try:
        with registry.write() as tx:
            for n in range(8):
                members = tuple(names[n * 5 : n * 5 + 5])
                tx.get(GroupRepository).put(AssetGroup(f"g{n}", "kl", "streetlight", f"Straße {n}", members, 0))
    finally:
        registry.close()
    street.fail(*names)
    assert wait_mail(street, "storm-00")["Subject"].startswith("40 Alarme: ")
    assert len(street.mails("storm-")) == 1


def test_while_the_mail_server_is_away_mail_waits_and_then_arrives_once(street: Street, unique_id: str) -> None:
    street.town.register("kl", [unique_id])
    street.box.server.kill()
    street.fail(unique_id)

    def tried() -> bool:
        waiting = street.town.rest.items("/notifications", state="queued")
        return any(m["reason"] and unique_id in m["subject"] for m in waiting)

    wait_until(tried, timeout_s=40, what="a first attempt")
    (waiting,) = [m for m in street.town.rest.items("/notifications", state="queued") if unique_id in m["subject"]]
    assert "does not answer" in waiting["reason"]
    summary = ""

    def said() -> bool:
        nonlocal summary
        status, answer = street.town.rest.call("GET", "/readyz")
        summary = answer["summary"]
        return status == 200 and "mail server takes no messages" in summary

    wait_until(said, timeout_s=20, what="the fault, while the installation stays ready")
    street.town.gateway.kill()
    street.box.server.start()
    street.town.start_gateway()
    mail = wait_mail(street, unique_id)
    assert mail["X-Lautern-Delivery"] == waiting["id"]
    wait_until(lambda: street.message(waiting["id"])["state"] == "sent")
    wait_until(lambda: "mail" not in str(street.town.rest.call("GET", "/readyz")[1]["summary"]), timeout_s=30)
    assert len(street.mails(unique_id)) == 1


def test_addresses_inside_and_redirects_are_refused_and_it_is_said(street: Street) -> None:
    rest, calls = street.town.rest, len(street.hook.calls)
    for address in ("https://169.254.169.254/", "https://10.0.0.1/", "https://127.0.0.1/", "http://hooks.example/"):
        status, answer = rest.call("POST", "/notification-targets", target("bad", "webhook", address))
        assert (status, answer["errors"][0]["field"]) == (422, "address")
    # A name says nothing of where it leads: that is seen when the message goes out.
    rest.post("/notification-targets", target("inside", "webhook", "https://localhost/"))
    assert re.search(r"localhost leads to (127\.0\.0\.1|::1), which is not public", refused(street, "inside"))
    street.hook.status, street.hook.location = 302, "http://127.0.0.1:1/"
    try:
        assert "redirect (HTTP 302), which is not followed" in refused(street, "ticket")
    finally:
        street.hook.status, street.hook.location = 204, ""
    assert len(street.hook.calls) == calls + 1

    def said() -> bool:
        status, answer = rest.call("GET", "/readyz")
        return status == 200 and "could not be delivered" in answer["summary"]

    wait_until(said, timeout_s=30, what="the fault, while the installation stays ready")


def refused(street: Street, target_id: str) -> str:
    tried = street.town.rest.post(f"/notification-targets/{target_id}/test")
    wait_until(lambda: street.message(tried["id"])["state"] == "failed", timeout_s=20)
    return str(street.message(tried["id"])["reason"])
