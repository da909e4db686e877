"""A mail server of our own, as a process, and the mails it was handed."""

import sys
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.real_parts import ports
from tests.real_parts.servers import Server

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class MailBox:
    """The server, which can be stopped and started again on the same port, and its mails."""

    server: Server
    port: int
    folder: Path

    def mails(self) -> list[EmailMessage]:
        """All that came, in order."""
        return [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(self.folder.glob("*.eml"))]


def mail_box(folder: Path, *options: str | Path) -> MailBox:
    """A server that does not run yet; `options` of `smtp_server`."""
    port = ports.claim_port()
    kept = folder / "mails"
    kept.mkdir(parents=True)
    command: list[str | Path] = [
        "env",
        f"PYTHONPATH={ROOT}",
        sys.executable,
        "-m",
        "tests.real_parts.smtp_server",
        str(port),
        kept,
    ]
    return MailBox(Server("smtp", [*command, *options], folder=folder, ready=lambda: ports.answers(port)), port, kept)
