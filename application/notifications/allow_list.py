"""Where messages may go: the allow-list of the settings, and the addresses that are refused whatever a name says."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from devices.errors import CodedError, Invalid

ANY: Final = "*"
LONGEST_URL: Final = 2000
_LONGEST_MAIL: Final = 254
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_MAIL: Final = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)", re.ASCII)
_URL: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_PORTS: Final = {"https": 443, "http": 80}
_NAT64: Final = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


class NotAllowed(CodedError):
    """Messages may not go there."""


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """Where a webhook is. `named`: the allow-list names this very host and port."""

    scheme: str
    host: str
    port: int
    path: str
    named: bool

    @property
    def netloc(self) -> str:
        """Host as a URL has it, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TargetAllowList:
    """The allow-list. Entries: a name, `*.example.org` for all below it, or `*` for all that are public.

    A host that is named itself, with its port unless that is 443, may also be inside the town's own network and, with
    its port, without TLS. Nothing is allowed where nothing is listed.
    """

    mail_domains: tuple[str, ...] = ()
    webhook_hosts: tuple[str, ...] = ()

    def mail(self, address: str) -> str:
        """Return the address. Raises Invalid for what is none, NotAllowed for a domain that is not on the list."""
        found = _MAIL.fullmatch(address)
        if found is None or len(address) > _LONGEST_MAIL:
            raise Invalid("no_email_address", field="address")
        if not _covered(found[2].lower(), self.mail_domains):
            raise NotAllowed("domain_not_allowed", domain=found[2])
        return address

    def webhook(self, url: str) -> WebhookAddress:
        """Take a URL apart. Raises Invalid for what is none, NotAllowed for a host that is not on the list."""
        place = _place(url, self.webhook_hosts)
        if not place.named and not _covered(place.host, self.webhook_hosts):
            raise NotAllowed("host_not_allowed", host=place.host)
        if not place.named and (place.scheme != "https" or place.port != _PORTS["https"]):
            raise NotAllowed("host_not_named", host=place.netloc)
        if (literal := _literal(place.host)) is not None:
            check_addresses([literal], place)
        return place


def check_addresses(addresses: Iterable[Address], place: WebhookAddress) -> None:
    """Raise NotAllowed when a host's name leads to an address that is not for it; all of them must be good."""
    for address in addresses:
        inner = embedded_ipv4(address)
        if inner.is_link_local or inner.is_multicast or inner.is_unspecified or _reserved(inner):
            raise NotAllowed("address_forbidden", host=place.host, address=str(address))
        if not inner.is_global and not place.named:
            raise NotAllowed("address_not_public", host=place.host, address=str(address))


def embedded_ipv4(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, NAT64, 6to4, Teredo), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else address


def _reserved(address: Address) -> bool:
    """Reserved for the future, or broadcast; the loopback of IPv6 counts as reserved in the library."""
    return address.is_reserved and not address.is_loopback


def _place(url: str, listed: Iterable[str]) -> WebhookAddress:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("no_url", field="address") from error
    plain = _URL.fullmatch(url) is not None and len(url) <= LONGEST_URL and "\\" not in url
    if not plain or parts.scheme not in _PORTS or not host or "@" in parts.netloc or parts.fragment or port == 0:
        raise Invalid("not_a_plain_url", field="address")
    number = port or _PORTS[parts.scheme]
    name = host.lower().rstrip(".")
    own = {f"{name}:{number}", f"[{name}]:{number}"}
    if (parts.scheme, number) == ("https", _PORTS["https"]):
        own.add(name)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookAddress(parts.scheme, name, number, path, named=any(entry.lower() in own for entry in listed))


def _covered(name: str, entries: Iterable[str]) -> bool:
    for entry in (e.lower() for e in entries):
        if entry in {ANY, name} or (entry.startswith("*.") and name.endswith(entry[1:])):
            return True
    return False


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
