"""Bounds what a nats-server keeps for MQTT: at a bound who wants more is refused, nothing acknowledged is lost."""

import asyncio
from typing import Final

import nats
from nats.errors import Error
from nats.js import JetStreamManager
from nats.js.api import DiscardPolicy
from nats.js.errors import APIError

from runtime.broker.mqtt_streams import RETAINED, StreamBound, never_retained, stream_bounds
from runtime.tcp_ports import place_of

_PATIENCE_S: Final = 2


def bound_streams(host: str, port: int, password: str, queue_bytes: int, root: str) -> bool:
    """Set the bounds, and drop what nobody may have retained.

    False when the streams are not there yet, which the first MQTT client makes, or nobody answers.
    """
    try:
        asyncio.run(_bound(host, port, password, queue_bytes, root))
    except (APIError, Error, OSError, TimeoutError):
        return False
    return True


async def _bound(host: str, port: int, password: str, queue_bytes: int, root: str) -> None:
    client = await nats.connect(
        f"nats://{place_of(host, port)}",
        user="setup",
        password=password,
        allow_reconnect=False,
        connect_timeout=_PATIENCE_S,
        error_cb=_ignore,
    )
    try:
        streams = client.jsm(timeout=_PATIENCE_S)
        queue, *others = stream_bounds(queue_bytes).items()
        await _limit(streams, *queue)
        # Before its bound: to bring a stream under one the server drops the oldest, whatever it is.
        await _purge(streams, root)
        for stream, wanted in others:
            await _limit(streams, stream, wanted)
    finally:
        await client.close()


async def _limit(streams: JetStreamManager, stream: str, wanted: StreamBound) -> None:
    config = (await streams.stream_info(stream)).config
    now = (config.max_bytes, config.max_msg_size, config.discard)
    if now != (wanted.max_bytes, wanted.largest, DiscardPolicy.NEW):
        changed = config.evolve(max_bytes=wanted.max_bytes, max_msg_size=wanted.largest, discard=DiscardPolicy.NEW)
        await streams.update_stream(changed)


async def _purge(streams: JetStreamManager, root: str) -> None:
    for filter_ in never_retained(root):
        # Asked first: a purge looks into blocks on disk, the subjects are in memory.
        if (await streams.stream_info(RETAINED, subjects_filter=filter_)).state.subjects:
            await streams.purge_stream(RETAINED, subject=filter_)


async def _ignore(_error: Exception) -> None:
    """The caller tries again."""
