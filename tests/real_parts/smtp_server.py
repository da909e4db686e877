"""A real SMTP server: `python -m tests.real_parts.smtp_server PORT FOLDER`; the options are at the end.

Keeps each mail in FOLDER as `{number}.eml` with the envelope's recipient as `X-RcptTo`. It refuses `unknown@…` for
good, `later@…` for now, and every mail that has the word FORBIDDEN.
"""

import argparse
import asyncio
import signal
import ssl
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Keeper:
    """Decides on recipients and keeps what comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_RCPT(  # noqa: N802 - the library names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        who = address.partition("@")[0]
        if who == "unknown":
            return "550 5.1.1 no such user here"
        if who == "later":
            return "451 4.7.1 greylisted, come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer the end of DATA."""
        content = envelope.original_content or b""
        if b"FORBIDDEN" in content:
            return "554 5.7.1 looks like spam"
        number = len(list(self._folder.glob("*.eml")))
        draft = self._folder / "draft"
        draft.write_bytes(f"X-RcptTo: {','.join(envelope.rcpt_tos)}\r\n".encode() + content)
        draft.replace(self._folder / f"{number:04}.eml")
        return "250 kept"


async def serve(arguments: argparse.Namespace) -> None:
    """Run until SIGTERM."""
    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.tls)
    user, _, password = arguments.login.partition(":")

    def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=right)

    def session() -> SMTP:
        return SMTP(
            Keeper(arguments.folder),
            tls_context=None if arguments.implicit else context,
            require_starttls=context is not None and not arguments.implicit,
            auth_required=bool(user),
            auth_require_tls=not arguments.implicit,
            authenticator=authenticator,
        )

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(session, "127.0.0.1", arguments.port, ssl=context if arguments.implicit else None)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--login", default="", help="USER:PASSWORD that everybody must give")
    parser.add_argument("--tls", type=Path, help="certificate and key, for STARTTLS, which then is a must")
    parser.add_argument("--implicit", action="store_true", help="TLS from the first byte instead")
    asyncio.run(serve(parser.parse_args()))
