"""Inputs that once found a way of their own through the decoder, packed into one file of lines."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from devices.samples import RawMessage
from gateway.decode import MessageDecoder, RefusedMessage
from tests.fuzz.claims import message
from tests.fuzz.hostile import CATALOG, RECORDED, TOPICS, ZOO, text_of

KEPT: Final = Path(__file__).with_name("corpus.jsonl")
MOST: Final = 300
LONGEST: Final = 2048
_OWN_TOPIC: Final = 255
_TOPICS: Final = tuple(sorted({one.topic for one in RECORDED}))


def as_message(data: bytes) -> RawMessage:
    """The first byte chooses a topic that exists, and whether it is retained; 255: the topic stands before a zero."""
    if data[:1] == bytes([_OWN_TOPIC]):
        topic, _, payload = data[1:].partition(b"\0")
        return message(topic, payload)
    choice = data[0] if data else 0
    return message(_TOPICS[choice % 127 % len(_TOPICS)], data[1:], retained=choice > 127)


def as_input(topic: bytes, payload: bytes) -> bytes:
    """The input that `as_message` reads."""
    known = topic in _TOPICS
    return bytes([_TOPICS.index(topic)]) + payload if known else bytes([_OWN_TOPIC]) + topic + b"\0" + payload


def kept() -> list[bytes]:
    """All inputs of the file; a line is the input as JSON text of its bytes in Latin-1."""
    return [json.loads(line).encode("latin-1") for line in KEPT.read_text(encoding="ascii").splitlines()]


def keep(found: Iterable[bytes]) -> int:
    """Replace the file by the shortest inputs that differ in what becomes of them; returns their number."""
    shortest: dict[tuple[object, ...], bytes] = {}
    decoder = MessageDecoder(CATALOG)
    for data in sorted({*found, *seeds()}, key=lambda data: (len(data), data)):
        if len(data) <= LONGEST:
            shortest.setdefault(_way(decoder, as_message(data)), data)
    chosen = list(shortest.values())[:MOST]
    KEPT.write_text("".join(json.dumps(data.decode("latin-1")) + "\n" for data in chosen), encoding="ascii")
    return len(chosen)


def seeds() -> Iterator[bytes]:
    """Inputs to begin with: what is recorded, and the zoo."""
    for one in RECORDED:
        yield as_input(one.topic, text_of(one.pairs))
    for payload in ZOO:
        yield as_input(RECORDED[-1].topic, payload)
    for topic in TOPICS:
        yield as_input(topic, b"{}")


def _way(decoder: MessageDecoder, raw: RawMessage) -> tuple[object, ...]:
    """What becomes of a message, coarsely: two inputs of one way test the same."""
    answer = decoder.decode(raw)
    channel = b"" if answer.uplink is None else f"{answer.uplink.kind}/{answer.uplink.channel}"
    if isinstance(answer, RefusedMessage):
        place, _, what = answer.detail.partition(":")
        return answer.reason, channel, place[:40] if what else "".join(c for c in place[:40] if not c.isdigit())
    return "heard", channel, len(answer.readings) > 1, bool(answer.refused), answer.unknown_fields > 0, raw.retained
