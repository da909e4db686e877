"""Requests to a nats-server in its own protocol: JSON there and back."""

import json
from collections.abc import Mapping
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import Error

PATIENCE_S: Final = 5


async def request_json(client: Client, subject: str, wanted: Mapping[str, Any], *, gone: bool = False) -> Any:  # noqa: ANN401 - JSON is any value
    """The answer. `gone`: that it is not there is as good. Raises Error, TimeoutError."""
    answer = json.loads((await client.request(subject, json.dumps(wanted).encode(), timeout=PATIENCE_S)).data)
    if "error" in answer and not gone:
        raise Error(str(answer["error"]))
    return answer


async def ask_server(system: Client, what: str, wanted: Mapping[str, Any], *, gone: bool = False) -> Any:  # noqa: ANN401 - JSON is any value
    """What the server says of itself: `what` is STATSZ or CONNZ. `gone` and errors as in `request_json`."""
    return await request_json(system, f"$SYS.REQ.SERVER.PING.{what}", wanted, gone=gone)


async def kick(system: Client, server: str, connection: int, *, gone: bool = False) -> None:
    """Cut a connection of this server; without somebody who waits for the answer nothing would be done."""
    await request_json(system, f"$SYS.REQ.SERVER.{server}.KICK", {"cid": connection}, gone=gone)
