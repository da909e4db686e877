"""Mail, handed to a real SMTP server."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import pytest

from application.notifications.allow_list import NotAllowed, TargetAllowList
from application.notifications.deliveries import NotificationDelivery
from application.notifications.errors import NotDelivered, Undeliverable
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel, NotificationTarget
from devices.time_us import SECOND_US, from_us
from gateway.notifications.mail import MailSender, MailServer, Security
from tests.real_parts.certificates import self_signed
from tests.real_parts.mail import MailBox, mail_box

ALLOWED: Final = TargetAllowList(("stadt.example",))
SENDER: Final = "Lautern Kaiserslautern <lautern@stadt.example>"
NOW_US: Final = 1_795_000_000 * SECOND_US
DELIVERY: Final = NotificationDelivery(
    delivery_id="d1",
    tenant_id="kl",
    target_id="t1",
    channel=NotificationChannel.EMAIL,
    occasion=NotificationOccasion.NEW,
    subject="2 Alarme, Straße: Größe „L07“ ausgefallen, …",
    body="Zeile 1: ä\n\n.Punkt am Anfang\n" + "x" * 200 + "\n",
    created_us=NOW_US,
    next_attempt_us=NOW_US,
)


def target(name: str = "licht") -> NotificationTarget:
    return NotificationTarget("t1", "kl", "Licht", NotificationChannel.EMAIL, f"{name}@stadt.example")


@contextmanager
def running(folder: Path, *options: str | Path) -> Iterator[MailBox]:
    box = mail_box(folder, *options)
    box.server.start()
    try:
        yield box
    finally:
        box.server.stop()


def send(
    box: MailBox, security: Security, to: NotificationTarget | None = None, host: str = "localhost", **values: Any
) -> None:
    server = MailServer(host, box.port, security, SENDER, **values)
    MailSender(ALLOWED, server).attempt(DELIVERY, to or target()).run()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "localhost.pem", "localhost")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailBox]:
    with running(tmp_path_factory.mktemp("plain")) as box:
        yield box


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, pem: Path) -> Iterator[MailBox]:
    """Takes mail only after STARTTLS and login."""
    with running(tmp_path_factory.mktemp("guarded"), "--login", "lautern:right", "--tls", pem) as box:
        yield box


def test_a_mail_arrives_as_it_was_written(plain: MailBox) -> None:
    send(plain, "none")
    mail = plain.mails()[-1]
    assert (mail["From"], mail["To"], mail["X-RcptTo"]) == (SENDER, "licht@stadt.example", "licht@stadt.example")
    assert mail["Subject"] == DELIVERY.subject
    assert mail.get_content().replace("\r\n", "\n") == DELIVERY.body
    assert (mail["Message-ID"], mail["X-Lautern-Delivery"]) == ("<d1@stadt.example>", "d1")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]) == from_us(NOW_US)


def test_encrypted_and_logged_in_by_starttls(guarded: MailBox, pem: Path) -> None:
    before = len(guarded.mails())
    send(guarded, "starttls", username="lautern", password="right", ca_file=pem)
    assert len(guarded.mails()) == before + 1


def test_encrypted_from_the_first_byte(tmp_path: Path, pem: Path) -> None:
    with running(tmp_path, "--login", "lautern:right", "--tls", pem, "--implicit") as box:
        send(box, "tls", username="lautern", password="right", ca_file=pem)
        assert len(box.mails()) == 1


def test_a_wrong_password_is_said_without_the_password(guarded: MailBox, pem: Path) -> None:
    with pytest.raises(NotDelivered, match="does not accept user or password") as failed:
        send(guarded, "starttls", username="lautern", password="hunter2", ca_file=pem)
    assert failed.value.all_of_channel
    assert "hunter2" not in str(failed.value)


def test_nothing_is_sent_in_the_clear_where_encryption_is_asked_for(plain: MailBox) -> None:
    before = len(plain.mails())
    with pytest.raises(NotDelivered, match="offers no STARTTLS"):
        send(plain, "starttls", username="lautern", password="right")
    assert len(plain.mails()) == before


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_a_certificate_of_nobody_we_trust_or_of_another_name_is_refused(
    guarded: MailBox, pem: Path, host: str, *, trusted: bool
) -> None:
    with pytest.raises(NotDelivered, match="certificate is not trusted"):
        send(guarded, "starttls", host=host, ca_file=pem if trusted else None)


def test_who_is_not_there_is_hopeless_and_who_is_greylisted_is_not(plain: MailBox) -> None:
    with pytest.raises(Undeliverable, match="no such user here"):
        send(plain, "none", target("unknown"))
    with pytest.raises(NotDelivered, match="greylisted") as failed:
        send(plain, "none", target("later"))
    assert not failed.value.all_of_channel


def test_a_domain_taken_off_the_list_gets_nothing_more(plain: MailBox) -> None:
    attempt = MailSender(
        TargetAllowList(("other.example",)), MailServer("localhost", plain.port, "none", SENDER)
    ).attempt
    with pytest.raises(NotAllowed):
        attempt(DELIVERY, target()).run()


def test_a_server_that_is_away_or_not_set_is_told_as_such(tmp_path: Path) -> None:
    box = mail_box(tmp_path)
    with pytest.raises(NotDelivered, match="does not answer") as failed:
        send(box, "none")
    assert failed.value.all_of_channel
    with pytest.raises(NotDelivered, match=r"mail\.host"):
        MailSender(ALLOWED, None).attempt(DELIVERY, target()).run()
