"""Ports to listen on."""

import socket
import time
from typing import Final

from devices.errors import LauternError

LEAVES_S: Final = 3.0
"""A port that must be had may still be held for so long by a predecessor that ends."""


class PortTaken(LauternError):
    """Another program listens on this port."""


def place_of(host: str, port: int) -> str:
    """Host and port as URLs and people write them: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def choose_port(host: str, wanted: int, *, fixed: bool, setting: str = "", avoid: frozenset[int] = frozenset()) -> int:
    """Return `wanted`, or unless `fixed` the next free port above it. Raises PortTaken, which names the setting."""
    until = time.monotonic() + LEAVES_S
    while fixed and wanted not in avoid and not is_free(host, wanted) and time.monotonic() < until:
        time.sleep(0.1)
    candidates = [wanted] if fixed else range(wanted, min(wanted + 200, 65_536))
    for port in candidates:
        if port not in avoid and is_free(host, port):
            return port
    place = place_of(host, wanted)
    raise PortTaken(f"({place}): end it, or set another port ({setting})" if setting else place)


def choose_any_port(host: str) -> int:
    """Return a port that the system gives: two programs that look at the same moment get different ones."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Tell whether we could listen there now; another may be faster."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_answers(host: str, port: int) -> bool:
    """Tell whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
