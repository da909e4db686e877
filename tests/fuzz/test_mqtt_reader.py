"""Our reading of PUBLISH against paho's: the same bytes, cut anywhere, and bytes that no broker should send."""

import os
import random
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.parts.load import length
from gateway.mqtt.batch_client import MESSAGES_AT_ONCE
from gateway.mqtt.connection import KEEPALIVE_S
from gateway.mqtt.publish_parser import PublishParser
from tests.fuzz.mqtt_wire import Reader, assert_alike

LONG: Final = os.environ.get("LAUTERN_TEST_LONG", "") not in {"", "0"}
HOSTILE: Final = 1_000_000 if LONG else 3_000
pytestmark = pytest.mark.timeout(3600 if LONG else 60)
OTHERS: Final = (
    b"\x20\x02\x00\x00", b"\x20\x02\x01\x00", b"\x20\x02\x00\x05", b"\x20\x02\x00\x06", b"\x20\x01\x00",
    b"\x90\x03\x00\x01\x01", b"\x90\x03\x00\x01\x80", b"\x90\x02\x00\x01", b"\xd0\x00", b"\xd0\x01\x00", b"\xc0\x00",
    b"\x62\x02\x00\x01", b"\x62\x02\x00\x07", b"\x62\x01\x00", b"\x40\x02\x00\x01", b"\x50\x02\x00\x01",
    b"\x70\x02\x00\x01", b"\xb0\x02\x00\x01", b"\xe0\x00", b"\xf0\x00", b"\x00\x00", b"\x10\x00", b"\x82\x00",
)  # fmt: skip
"""Packets of other types, some of which no broker sends."""
_IDS: Final = st.sampled_from([0, 1, 1, 2, 7, 255, 256, 65_535])
_TOPICS: Final = st.sampled_from([b"a/b", b"", b"a", b"\xff", b"a\0b", "ü/🜂".encode(), b"\xed\xa0\x80", b"t" * 200])
_LENGTHS: Final = st.sampled_from([0, 1, 2, 100, 118, 119, 120, 121, 127, 128, 300, 16_383, 16_384, 20_000])


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Reader, Reader]]:
    """Ours and paho's."""
    batch, paho = Reader(batches=True), Reader(batches=False)
    yield batch, paho
    batch.close()
    paho.close()


def publish(first: int, topic: bytes, packet_id: int, payload: bytes) -> bytes:
    """A PUBLISH packet with these flags, well-formed unless topic and id are not."""
    packet = struct.pack(">H", len(topic)) + topic
    packet += struct.pack(">H", packet_id) if first & 6 else b""
    packet += payload
    return bytes([first]) + length(len(packet)) + packet


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What a broker sends, and now and then what it must not."""
    publishes = st.builds(
        publish, st.sampled_from([0x30, 0x31, 0x32, 0x32, 0x32, 0x33, 0x34, 0x3A, 0x3B, 0x3D]), _TOPICS, _IDS,
        st.binary(max_size=20) | _LENGTHS.map(bytes),
    )  # fmt: skip
    odd = st.sampled_from([b"\x36\x07\x00\x01a\x00\x01xx", b"\x32\x01\x00", b"\x32\x00", b"\x30\x05\x00\x09abc",
                           b"\x32\x05\x00\x03abc", b"\x32\x06\x00\x03abc\x01", b"\x32\xff\xff\xff\xff\x01",
                           b"\x20\x82\x00\x00\x00", b"\x32\x88\x80\x00\x00\x01a\x00\x01xyz"])  # fmt: skip
    others = st.sampled_from(OTHERS)
    return b"".join(
        draw(st.lists(publishes | publishes | publishes | others | odd | st.binary(max_size=6), max_size=8))
    )


@given(streams(), st.lists(st.integers(0, 400), max_size=12), st.sampled_from(["whole", "cut", "bytes"]))
@settings(max_examples=20_000 if LONG else 400)
def test_both_readers_make_the_same_of_the_same_bytes(
    readers: tuple[Reader, Reader], stream: bytes, cuts: list[int], how: str
) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    if how == "bytes":
        pieces = [bytes([byte]) for byte in stream]
    batch, paho = (reader.hear([stream] if how == "whole" else pieces) for reader in readers)
    assert_alike(batch, paho)


def test_hostile_bytes_are_read_or_end_the_connection(readers: tuple[Reader, Reader]) -> None:
    chance = random.Random(7)
    for _ in range(HOSTILE):
        stream = hostile(chance)
        cut = chance.randrange(len(stream) + 1)
        batch, paho = (reader.hear([stream[:cut], stream[cut:]]) for reader in readers)
        assert_alike(batch, paho)


def test_half_a_packet_is_void_with_its_connection(readers: tuple[Reader, Reader]) -> None:
    whole = publish(0x32, b"a/b", 7, b"payload")
    for cut in range(1, len(whole)):
        for reader in readers:
            reader.connect()
            reader.read(whole[:cut])
            assert [m[1] for m in reader.hear([whole]).messages] == [b"payload"]


def test_what_came_in_before_is_not_acknowledged_on_the_connection_of_now(readers: tuple[Reader, Reader]) -> None:
    for reader in readers:
        reader.connect()
        reader.read(publish(0x32, b"a/b", 7, b"old"))
        stale = reader.connection.stale_acks
        heard = reader.hear([publish(0x32, b"a/b", 8, b"new"), publish(0x30, b"a/b", 0, b"asks for nothing")])
        assert [m[1] for m in heard.messages] == [b"old", b"new", b"asks for nothing"]
        assert heard.written == b"\x40\x02\x00\x08"
        assert reader.connection.stale_acks == stale + 1


def test_acknowledgements_are_in_order_of_receipt(readers: tuple[Reader, Reader]) -> None:
    ids = [3, 1, 2, 65_535, 1]
    pieces = [b"".join(publish(0x32, b"a/b", number, b"x") for number in ids)]
    for reader in readers:
        assert reader.hear(pieces).written == b"".join(struct.pack(">HH", 0x4002, number) for number in ids)


def test_a_run_of_small_messages_is_no_larger_batch_than_others(readers: tuple[Reader, Reader]) -> None:
    batch, _ = readers
    batch.connect()
    batch.read(publish(0x30, b"a", 0, b"") * 7_000)
    taken = batch.inbox.peek(2**40, 2**40)
    batch.inbox.drop(len(taken))
    assert sum(len(one.messages) for one in taken) == 7_000
    assert max(len(one.messages) for one in taken) <= MESSAGES_AT_ONCE


def test_a_connection_busy_with_messages_is_not_taken_for_silent(readers: tuple[Reader, Reader]) -> None:
    for reader in readers:
        reader.connect()
        reader.read(b"\x20\x02\x00\x00")
        assert b"\xc0\x00" not in reader.keep_alive(silent_s=3 * KEEPALIVE_S)
        reader.hear([])


def test_stamps_leave_room_for_samples_without_a_clock() -> None:
    packets = b"".join(publish(0x32, b"a/b", 1, b"x" * size) for size in (1600, 160, 0, 0))
    parser = PublishParser()
    stamps = [m.received_us for m in parser.parse(packets, 0, 9, 1_000_000).messages]
    assert [b - a for a, b in pairwise(stamps)] == [101, 11, 1]
    assert parser.parse(packets, 0, 1, 0).messages[0].received_us == stamps[-1] + 1


def test_stamps_do_not_run_away_from_the_clock() -> None:
    packet, parser, now_us = publish(0x32, b"a/b", 1, b"x" * 20_000), PublishParser(), 1_000_000
    stamps = [parser.parse(packet, 0, 1, now_us).messages[0].received_us for _ in range(5_000)]
    assert stamps == sorted(set(stamps))
    assert stamps[-1] < now_us + 1_100_000


def hostile(chance: random.Random) -> bytes:
    """A few good packets with bytes changed, left out, doubled, or of pure chance."""
    packets = []
    for _ in range(chance.randrange(1, 4)):
        payload = chance.randbytes(chance.choice((0, 5, 130)))
        good = publish(chance.choice((0x30, 0x32, 0x32, 0x3B, 0x34)), b"a/b", chance.randrange(1, 9), payload)
        packets.append(chance.choice(OTHERS) if chance.random() < 0.2 else good)
    stream = bytearray(b"".join(packets))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(stream) + 1)
        how = chance.randrange(4)
        if how == 0:
            stream[at : at + 1] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))])
        elif how == 1:
            del stream[at : at + chance.randrange(6)]
        elif how == 2:
            stream[at:at] = stream[at : at + chance.randrange(9)]
        else:
            stream[at:at] = chance.randbytes(chance.randrange(5))
    return bytes(stream)
