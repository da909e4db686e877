"""Bounds the disk that queued messages take: at the bound publishers are refused, nothing acknowledged is lost."""

import asyncio
from typing import Final

import nats
from nats.errors import Error
from nats.js.api import DiscardPolicy
from nats.js.errors import NotFoundError

STREAM: Final = "$MQTT_msgs"
_PATIENCE_S: Final = 2


def bound(host: str, port: int, password: str, max_bytes: int) -> bool:
    """Set the bound; False when the stream is not there yet, which the first MQTT client makes, or nobody answers."""
    try:
        asyncio.run(_bound(host, port, password, max_bytes))
    except (NotFoundError, Error, OSError, TimeoutError):
        return False
    return True


async def _bound(host: str, port: int, password: str, max_bytes: int) -> None:
    client = await nats.connect(
        f"nats://{host}:{port}",
        user="setup",
        password=password,
        allow_reconnect=False,
        connect_timeout=_PATIENCE_S,
        error_cb=_ignore,
    )
    try:
        streams = client.jetstream(timeout=_PATIENCE_S)
        config = (await streams.stream_info(STREAM)).config
        if (config.max_bytes, config.discard) != (max_bytes, DiscardPolicy.NEW):
            await streams.update_stream(config.evolve(max_bytes=max_bytes, discard=DiscardPolicy.NEW))
    finally:
        await client.close()


async def _ignore(_error: Exception) -> None:
    """The caller tries again."""
