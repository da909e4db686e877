"""Fills in the past, fast: telemetry in batches, events one by one, of retained messages only the last."""

from collections.abc import Callable, Sequence
from typing import Final

from simulators.envelope_sender import WireMessage, join_batches
from simulators.host import DeviceHost

HOLD: Final = 500
"""Samples of one device that wait to be joined."""


def publish_history(
    hosts: Sequence[DeviceHost], from_us: int, to_us: int, publish: Callable[[WireMessage], None]
) -> int:
    """Let devices live from `from_us` to `to_us` and publish what they say; returns the number of samples.

    They are started by this, and go on live afterwards with rising `seq`: call `tick`, not `start`. A message that a
    fault dropped comes marked, as from `DeviceHost.tick`.
    """
    return sum(_live(host, from_us, to_us, publish) for host in hosts)


def _live(host: DeviceHost, from_us: int, to_us: int, publish: Callable[[WireMessage], None]) -> int:
    host.keep_retained()
    waiting: list[WireMessage] = []
    samples = 0
    now_us, wires = from_us, host.start(from_us)
    while True:
        for wire in wires:
            if wire.channel == "telemetry" and wire.identities and "drop" not in wire.faults:
                waiting.append(wire)
                samples += 1
            else:
                publish(wire)
        if len(waiting) >= HOLD:
            waiting = _publish_full(waiting, publish)
        now_us = max(now_us, host.due_us())
        if now_us >= to_us:
            break
        wires = host.tick(now_us)
    for wire in (*join_batches(waiting), *host.release_retained()):
        publish(wire)
    return samples


def _publish_full(waiting: list[WireMessage], publish: Callable[[WireMessage], None]) -> list[WireMessage]:
    joined = list(join_batches(waiting))
    for wire in joined[:-1]:
        publish(wire)
    return waiting[-len(joined[-1].identities) :]
