"""A web server that takes webhooks, and what it was sent."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.real_parts import ports


@dataclass(frozen=True)
class Call:
    """One request; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Hook:
    """Answers with `status`, and `location` where there is one; waits before it answers while `holds` is set."""

    port: int
    status: int = 204
    location: str = ""
    calls: list[Call] = field(default_factory=list)
    holds: threading.Event | None = None


@contextmanager
def hook(certificate: Path | None = None) -> Iterator[Hook]:
    """A server on loopback while the block runs; with a certificate it speaks TLS."""
    taken = Hook(ports.claim_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.calls.append(Call(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if taken.holds is not None:
                taken.holds.wait(20)
            self.send_response(taken.status)
            if taken.location:
                self.send_header("Location", taken.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", taken.port), Handler)
    server.daemon_threads = False
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="hook")
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
