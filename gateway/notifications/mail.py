"""Mail by SMTP: one message, one recipient, encrypted unless the settings say otherwise."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final, Literal

from application.notifications.allow_list import TargetAllowList
from application.notifications.deliveries import NotificationDelivery
from application.notifications.errors import NotDelivered, Undeliverable
from application.notifications.rules import NotificationTarget
from devices.time_us import from_us
from gateway.notifications.sockets import shut_socket, tls_context

TIMEOUT_S: Final = 8.0
"""For connecting, and for each answer."""
_ANSWER_CHARACTERS: Final = 120

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. Without TLS no password is sent."""

    host: str
    port: int
    security: Security
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


class MailSender:
    """Makes attempts. Without a server every one fails, and says so."""

    def __init__(self, allowed: TargetAllowList, server: MailServer | None) -> None:
        self._allowed = allowed
        self._server = server
        self._context = tls_context(server.ca_file if server else None)

    def attempt(self, delivery: NotificationDelivery, target: NotificationTarget) -> "_Handing":
        """One try."""
        return _Handing(self._allowed, self._server, self._context, delivery, target)


class _Handing:
    def __init__(
        self,
        allowed: TargetAllowList,
        server: MailServer | None,
        context: ssl.SSLContext,
        delivery: NotificationDelivery,
        target: NotificationTarget,
    ) -> None:
        self._allowed = allowed
        self._server = server
        self._context = context
        self._delivery = delivery
        self._target = target
        self._client: smtplib.SMTP | None = None

    def run(self) -> None:
        """See Attempt."""
        recipient = self._allowed.mail(self._target.address)
        if self._server is None:
            raise NotDelivered("no_mail_server", all_of_channel=True)
        message = compose_mail(self._delivery, self._target, self._server.sender)
        client = self._client = _client(self._server, self._context)
        try:
            with _explained(self._server):
                self._open(client, self._server)
            _hand_over(client, message, parseaddr(self._server.sender)[1], recipient)
        finally:
            client.close()

    def cut(self) -> None:
        """See Attempt."""
        if self._client is not None:
            shut_socket(self._client.sock)

    def _open(self, client: smtplib.SMTP, server: MailServer) -> None:
        client.connect(server.host, server.port)
        if server.security == "starttls":
            client.starttls(context=self._context)
        if server.username is not None and server.security != "none":
            client.login(server.username, server.password or "")


def compose_mail(delivery: NotificationDelivery, target: NotificationTarget, sender: str) -> EmailMessage:
    """The mail. Its id is the delivery's, so that a second copy can be told from a second message."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = target.address
    message["Subject"] = delivery.subject
    message["Date"] = format_datetime(from_us(delivery.created_us).astimezone(UTC))
    message["Message-ID"] = f"<{delivery.delivery_id}@{_domain(sender)}>"
    message["X-Lautern-Delivery"] = delivery.delivery_id
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = target.language
    message.set_content(delivery.body, cte="quoted-printable")
    return message


def _client(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    """A client that is not connected yet, so that it can be cut while it connects."""
    name = _domain(server.sender)
    client: smtplib.SMTP
    if server.security == "tls":
        client = smtplib.SMTP_SSL(local_hostname=name, timeout=TIMEOUT_S, context=context)
    else:
        client = smtplib.SMTP(local_hostname=name, timeout=TIMEOUT_S)
    client._host = server.host  # type: ignore[attr-defined]  # noqa: SLF001 - what TLS checks; `connect` forgets it
    return client


def _hand_over(client: smtplib.SMTP, message: EmailMessage, sender: str, recipient: str) -> None:
    try:
        client.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients[recipient]
        raise _refusal(code, text) from error
    except smtplib.SMTPSenderRefused as error:
        raise NotDelivered("sender_refused", why=_said(error), all_of_channel=True) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered("mail_server_broke_off", why=type(error).__name__, all_of_channel=True) from error
    with contextlib.suppress(smtplib.SMTPException, OSError):
        client.quit()  # it has the message; that its goodbye is lost must not send it again


@contextmanager
def _explained(server: MailServer) -> Iterator[None]:
    """Say of a server that takes no message from us why."""
    place = f"{server.host}:{server.port}"
    try:
        yield
    except smtplib.SMTPNotSupportedError as error:
        raise NotDelivered("mail_server_not_as_set", place=place, all_of_channel=True) from error
    except smtplib.SMTPAuthenticationError as error:
        raise NotDelivered("mail_login_refused", place=place, status=error.smtp_code, all_of_channel=True) from error
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message
        raise NotDelivered("mail_certificate_not_trusted", place=place, why=why, all_of_channel=True) from error
    except (smtplib.SMTPException, OSError) as error:
        why = type(error).__name__
        raise NotDelivered("mail_server_does_not_answer", place=place, why=why, all_of_channel=True) from error


def _refusal(code: int, text: bytes | str) -> NotDelivered | Undeliverable:
    kind = Undeliverable if 500 <= code < 600 else NotDelivered
    return kind("mail_refused", why=_plain(code, text))


def _said(error: smtplib.SMTPResponseException) -> str:
    return _plain(error.smtp_code, error.smtp_error)


def _plain(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return f"{code} {line}"[:_ANSWER_CHARACTERS]


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
