"""Finds in what a device says what could name a visitor's device: MAC, network name, IP address, number of a SIM."""

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from typing import Any, Final

REASON: Final = "personal_data"
OWN: Final = frozenset({"firmware", "model", "maker", "serial", "boot_id", "device_id", "ts"})
"""What a node says of itself; a firmware's version may look like an address."""
_HEX: Final = "[0-9A-Fa-f]"
_ADDRESS: Final = re.compile(
    rf"(?<![0-9A-Za-z]){_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5}}(?![0-9A-Za-z])"
    rf"|(?<![0-9A-Za-z]){_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}(?![0-9A-Za-z])"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"
)
_MAYBE_IPV6: Final = re.compile(rf"(?<![0-9A-Za-z])(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}(?![0-9A-Za-z])")
_NAMING: Final = re.compile(
    r"(?:^|_)(?:macs?|bssids?|ssids?|imsi|imei|msisdn|iccid|hostnames?|usernames?|ip|ips|ipv4|ipv6|ip_addr(?:ess)?)(?:_|$)",
    re.IGNORECASE,
)
_HINT: Final = re.compile(
    rb"\\u|(?i:mac|ssid|imsi|imei|msisdn|iccid|hostname|username|ip)s?[\w]*\"\s*:"
    rb"|(?:[0-9A-Fa-f]{2}[:-]){5}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.|(?:\d{1,3}\.){3}\d|:[0-9A-Fa-f]{0,4}:"
)
"""Cheap, on the bytes: without a hit there is nothing to look for."""


def named_in(payload: bytes) -> str | None:
    """Where a JSON text names a visitor's device, such as `clients.0.mac`; None where nowhere, or it is no JSON."""
    if _HINT.search(payload) is None:
        return None
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return next(_found(document, ()), None)


def named_among(values: Mapping[str, Any]) -> str | None:
    """Where a JSON object names a visitor's device."""
    return next(_found(values, ()), None)


def holds_address(text: str) -> bool:
    """Tell whether a MAC or IP address stands in a text."""
    return _ADDRESS.search(text) is not None or any(map(_is_ipv6, _MAYBE_IPV6.findall(text)))


def _found(value: object, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if _NAMING.search(str(name)):
                yield ".".join((*path, str(name)))[:200]
            elif name not in OWN or path:
                yield from _found(inner, (*path, str(name)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _found(inner, (*path, str(number)))
    elif isinstance(value, str) and holds_address(value):
        yield ".".join(path)[:200]


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
