"""Telemetry read plainly is what its kind's model makes of it, whatever the bytes."""

from hypothesis import given, settings

from devices.kind_catalog import discover_kinds
from gateway.decode import MessageDecoder
from tests.fuzz.claims import message
from tests.fuzz.hostile import RECORDED, text_of
from tests.fuzz.test_decoding import changed, damaged

PLAIN, BY_MODEL = MessageDecoder(discover_kinds()), MessageDecoder(discover_kinds())
BY_MODEL._plain = dict.fromkeys(BY_MODEL._plain)


def test_most_kinds_are_read_plainly() -> None:
    assert PLAIN._plain["streetlight"] is not None


@given(changed() | damaged())
@settings(max_examples=500)
def test_both_ways_hear_and_refuse_the_same(sent: tuple[bytes, bytes]) -> None:
    raw = message(*sent)
    assert repr(PLAIN.decode(raw)) == repr(BY_MODEL.decode(raw))


def test_what_was_recorded_is_heard_alike() -> None:
    for one in RECORDED:
        raw = message(one.topic, text_of(one.pairs))
        assert repr(PLAIN.decode(raw)) == repr(BY_MODEL.decode(raw))
