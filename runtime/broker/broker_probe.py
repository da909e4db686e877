"""Whether the broker still works: asked, and published through, as it may run on for ever with a write error."""

import asyncio
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.client import Client
from nats.errors import Error, NoRespondersError

from runtime.broker.mqtt_streams import probe_subject

EVERY_S: Final = 2.0
PATIENCE_S: Final = 2.0
ROOM_BYTES: Final = 32 * 2**20
"""With less on its disk nothing that is wrong with the broker is mended by starting it again."""
LOOKS: Final = 3
"""So many in a row, with room on the disk, and it is stuck: one alone may be a machine that is busy."""
SILENT: Final = "does not answer"
SILENT_LOOKS: Final = 10
"""The same for one that says nothing, some 40 s: it may be busy with a whole town that comes back."""
BEGINS_S: Final = 60.0
"""It may take so long to read what it keeps."""
PAUSES_S: Final = (0.0, 30.0, 60.0, 120.0, 300.0)
"""Between two restarts that did not help."""
_FULL: Final = ("maximum", "insufficient")
"""Words of refusals at a bound: it works."""


class BrokerProbe:
    """Asks a nats-server on this machine. Used by one thread; the loop runs only within `probe_broker`."""

    def __init__(self, url: str, passwords: dict[str, str], root: str) -> None:
        self._url = url
        self._passwords = passwords
        self._subject = probe_subject(root)
        self._runner = asyncio.Runner()
        self._clients: dict[str, Client] = {}

    def probe_broker(self, *, publish: bool) -> str | None:
        """Tell what is wrong with it, None when nothing is; takes as long as its patience at most."""
        try:
            return self._runner.run(asyncio.wait_for(self._look(publish=publish), PATIENCE_S))
        except (Error, OSError, TimeoutError) as error:
            self._forget()
            return f"{SILENT} ({type(error).__name__})"

    def close(self) -> None:
        """End the connections."""
        self._forget()
        self._runner.close()

    async def _look(self, *, publish: bool) -> str | None:
        said = await self._ask("system", "$SYS.REQ.SERVER.PING.HEALTHZ", b"{}")
        health = said.get("data", {})
        if health.get("status") != "ok":
            return f"says of itself: {health.get('error', said)}"
        if not publish:
            return None
        try:
            answer = await self._ask("setup", self._subject, b"probe")
        except NoRespondersError:  # the first client of MQTT makes the stream
            return None
        refused = answer.get("error", {}).get("description", "")
        if refused:
            return None if refused.startswith(_FULL) else f"takes no message: {refused}"
        return None if answer.get("seq") else "takes no message"

    async def _ask(self, user: str, subject: str, body: bytes) -> dict[str, Any]:
        client = self._clients.get(user)
        if client is None or not client.is_connected:
            client = self._clients[user] = await nats.connect(
                self._url,
                user=user,
                password=self._passwords[user],
                allow_reconnect=False,
                connect_timeout=2,
                error_cb=_ignore,
            )
        answer: dict[str, Any] = json.loads((await client.request(subject, body, timeout=PATIENCE_S)).data)
        return answer

    def _forget(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            with suppress(Error, OSError, TimeoutError):
                self._runner.run(asyncio.wait_for(client.close(), 0.5))


@dataclass(slots=True)
class StuckJudge:
    """Pure: what was found and the time in, whether the broker is to be started again out."""

    began: float
    """When this process of it was started."""
    well: bool = False
    """It worked once."""
    bad: int = 0
    restarts: int = 0
    """Those since it last worked."""
    restarted: float = float("-inf")

    def begun(self, now: float) -> None:
        """Another process of it was started."""
        self.began, self.well, self.bad = now, False, 0

    def stuck(self, now: float, trouble: str | None, *, room: bool) -> bool:
        """Tell whether it is time to start it again."""
        if trouble is None:
            self.well, self.bad = True, 0
            if now - self.restarted > PAUSES_S[-1]:
                self.restarts = 0
            return False
        self.bad = self.bad + 1 if room and (self.well or now - self.began > BEGINS_S) else 0
        pause_s = PAUSES_S[min(self.restarts, len(PAUSES_S) - 1)]
        needed = SILENT_LOOKS if trouble.startswith(SILENT) else LOOKS
        if self.bad < needed or now - self.restarted < pause_s:
            return False
        self.restarts += 1
        self.restarted = now
        return True


def has_room(folder: Path) -> bool:
    """Tell whether a program can write on this disk."""
    return shutil.disk_usage(folder).free >= ROOM_BYTES


async def _ignore(_error: Exception) -> None:
    """`probe_broker` tells."""
