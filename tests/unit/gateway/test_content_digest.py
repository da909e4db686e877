"""The digest of a sample's content: another for all other content."""

import json

import pytest

from devices.samples import RawMessage
from gateway.content_digest import digest_of, digest_of_bytes
from gateway.decode import DecodedMessage, RefusedMessage
from tests.unit.gateway.fakes import DECODER, NOW_US, message


def heard_of(raw: RawMessage) -> DecodedMessage:
    heard = DECODER.decode(raw)
    assert isinstance(heard, DecodedMessage), heard
    return heard


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": -1.0}, {"a": -2.0}),
        ({"a": -1}, {"a": -2}),
        ({"a": 2.0**61 - 1}, {"a": 0.0}),
        ({"a": 1.0}, {"b": 1.0}),
        ({"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
        ({"a": 2**64 - 1}, {"a": 2**64 - 2}),
        ({"a": "1"}, {"a": 1}),
        ({"a": "x", "b": "y"}, {"a": 'x","y'}),
    ],
)
def test_other_content_has_another_digest(one: dict[str, float], other: dict[str, float]) -> None:
    assert digest_of(one) != digest_of(other)


def test_it_has_64_bits() -> None:
    numbers = [digest_of({"a": float(n)}) for n in range(64)]
    assert max(map(int.bit_length, numbers)) == 63, "and a sign"


def test_known_digests_stay_what_they_are() -> None:
    """What is in the identity file must be found again by a later version."""
    assert digest_of({"level_pct": 40.0, "on": True}) == -2599294314029126983
    assert digest_of({"level_pct": 40.0, "reason": "dusk"}, {"x": [1]}) == -5213494981690727256
    assert digest_of_bytes(b"{}") == 137279666008780115


def test_fields_that_are_not_stored_count_too() -> None:
    one, two = (heard_of(message(1, ts=None, level_pct=40, firmware_note=note)) for note in ("a", "b"))
    assert one.readings[0].digest != two.readings[0].digest


def test_of_a_batch_each_item_counts_by_itself() -> None:
    alone = heard_of(message(7, level_pct=40.0, further=1))
    head = {"v": 1, "device_id": "l1", "boot_id": "b1", "sent_by": "modem"}
    item = {"seq": 7, "ts": json.loads(message(7).payload)["ts"], "level_pct": 40, "further": 1}
    late = heard_of(message(7)._replace(payload=json.dumps({**head, "batch": [item]}).encode(), received_us=NOW_US))
    assert late.readings[0].digest == alone.readings[0].digest


def test_what_is_not_stored_may_be_anything() -> None:
    raw = message(1)
    for strange in ("1" * 5000, "NaN", "-Infinity", "[" * 150 + "]" * 150, '"\\ud800"', "{}"):
        payload = raw.payload.replace(b'"v"', b'"strange": ' + strange.encode() + b', "v"')
        assert isinstance(DECODER.decode(raw._replace(payload=payload)), DecodedMessage | RefusedMessage)
