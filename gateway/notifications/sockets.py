"""What mail and webhooks share: whom TLS trusts, and how to end what waits on a socket in another thread."""

import contextlib
import socket
import ssl
from pathlib import Path

from devices.errors import ConfigurationError


def shut_socket(held: socket.socket | None) -> None:
    """Close both directions, so that whoever reads or writes gets an error at once; None and closed ones are left."""
    if held is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the system's certificates, and those of a PEM file. Raises ConfigurationError when it cannot be read."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(f"{ca_file}: {error.strerror or error}") from error
    return context
