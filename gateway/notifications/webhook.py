"""A webhook: one signed POST to an address that was looked up once and checked; nothing is followed or read."""

import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from application.notifications.allow_list import Address, TargetAllowList, WebhookAddress, check_addresses
from application.notifications.deliveries import NotificationDelivery
from application.notifications.errors import NotDelivered, Undeliverable
from application.notifications.rules import NotificationTarget
from application.notifications.webhook_signature import signature_headers
from gateway.notifications.sockets import shut_socket, tls_context

TIMEOUT_S: Final = 8.0
"""For connecting, and for each read."""
_TRIED: Final = 2
"""Addresses of one name."""
_GONE: Final = 410

Resolve = Callable[[str, int], Sequence[Address]]


def resolve_host(host: str, port: int) -> Sequence[Address]:
    """Addresses of a name, by the system. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found))


class WebhookSender:
    """Makes attempts. `ca_file`: certificates to trust beside the system's."""

    def __init__(
        self, allowed: TargetAllowList, version: str, *, ca_file: Path | None = None, resolve: Resolve = resolve_host
    ) -> None:
        self._allowed = allowed
        self._agent = f"Lautern/{version}"
        self._resolve = resolve
        self._context = tls_context(ca_file)

    def attempt(self, delivery: NotificationDelivery, target: NotificationTarget) -> "_Post | _Unsigned":
        """One try."""
        body = delivery.body.encode()
        if target.secret is None:
            return _Unsigned()
        signed = signature_headers(target.secret, delivery.delivery_id, int(time.time()), body)
        common = {"Content-Type": "application/json", "User-Agent": self._agent, "Accept-Encoding": "identity"}
        return _Post(self._allowed, self._resolve, self._context, target.address, {**common, **signed}, body)


class _Unsigned:
    """Of a target whose secret cannot be read: nothing leaves without a signature."""

    def run(self) -> None:
        """See Attempt."""
        raise Undeliverable("secret_sealed_with_other_key")

    def cut(self) -> None:
        """Nothing is under way."""


class _Post:
    def __init__(  # noqa: PLR0917 - all that makes up a request
        self,
        allowed: TargetAllowList,
        resolve: Resolve,
        context: ssl.SSLContext,
        url: str,
        sent: Mapping[str, str],
        body: bytes,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._context = context
        self._url = url
        self._headers = sent
        self._body = body
        self._connection: HTTPConnection | None = None
        self._cut = False

    def run(self) -> None:
        """See Attempt."""
        place = self._allowed.webhook(self._url)
        try:
            addresses = self._resolve(place.host, place.port)
        except OSError as error:
            raise NotDelivered("host_unknown", host=place.host) from error
        check_addresses(addresses, place)
        connection = self._connection = self._connect(place, addresses)
        try:
            connection.request("POST", place.path, body=self._body, headers=self._headers, preload_content=False)
            status = connection.getresponse().status
        except ssl.SSLCertVerificationError as error:
            raise NotDelivered("certificate_not_trusted", host=place.host, why=error.verify_message) from error
        except (HTTPError, OSError) as error:
            raise NotDelivered("host_does_not_answer", host=place.netloc, why=_cause(error)) from error
        finally:
            connection.close()
        if self._cut:
            # The end of a cut connection may be read as the end of an answer's head.
            raise NotDelivered("host_too_slow", host=place.netloc)
        _judge(status, place)

    def cut(self) -> None:
        """See Attempt."""
        self._cut = True
        if self._connection is not None:
            shut_socket(self._connection.sock)

    def _connect(self, place: WebhookAddress, addresses: Sequence[Address]) -> HTTPConnection:
        known: dict[str, Any] = {"timeout": TIMEOUT_S, "addresses": addresses[:_TRIED]}
        if place.scheme == "https":
            return _PinnedTls(place.host, place.port, ssl_context=self._context, **known)
        return _Pinned(place.host, place.port, **known)


class _Pin:
    """Connects to the addresses given, whatever the name leads to by now; the name stays in Host and certificate."""

    addresses: Sequence[Address]
    port: int

    def _new_conn(self) -> socket.socket:
        refused: OSError | None = None
        for address in self.addresses:
            try:
                return socket.create_connection((str(address), self.port), TIMEOUT_S)
            except OSError as error:
                refused = error
        raise refused or OSError("no address")


class _Pinned(_Pin, HTTPConnection):
    def __init__(self, host: str, port: int, *, addresses: Sequence[Address], timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.addresses = addresses


class _PinnedTls(_Pin, HTTPSConnection):
    def __init__(
        self, host: str, port: int, *, addresses: Sequence[Address], timeout: float, ssl_context: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, timeout=timeout, ssl_context=ssl_context)
        self.addresses = addresses


def _judge(status: int, place: WebhookAddress) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Undeliverable("host_redirects", host=place.netloc, status=status)
    if status == _GONE:
        raise Undeliverable("host_wants_no_more", host=place.netloc)
    raise NotDelivered("host_answers_status", host=place.netloc, status=status)


def _cause(error: BaseException) -> str:
    """Name of the innermost error; its text may hold the URL."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
