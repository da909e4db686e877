"""Hostile messages on their whole way through judge, registry, rules and stores: whatever is let in must go through."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from application.ports.message_ledger import LedgerLine
from devices.time_us import rfc3339
from tests.fuzz.claims import message
from tests.fuzz.hostile import NOW_US, RECORDED, Recorded, deranged, device_of, text_of, zoo_of
from tests.fuzz.whole_way import WholeWay, whole_way

LARGEST_SEQ = 2**63 - 1


@pytest.fixture
def city(tmp_path: Path) -> Iterator[WholeWay]:
    with whole_way(tmp_path) as opened:
        yield opened


def recorded(kind: str, channel: str) -> Recorded:
    return next(one for one in RECORDED if (one.kind, one.channel) == (kind, channel))


def body(kind: str, channel: str, **changes: Any) -> tuple[bytes, bytes]:
    """A recorded message with other values; a text begins with = where it is JSON as it stands."""
    one = recorded(kind, channel)
    fields = dict(one.pairs) | {
        name: value[1:] if isinstance(value, str) and value.startswith("=") else json.dumps(value)
        for name, value in changes.items()
    }
    return one.topic, text_of(tuple(fields.items()))


def head(kind: str, channel: str, **fields: Any) -> tuple[bytes, bytes]:
    ts = rfc3339(NOW_US)
    whole = {"v": 1, "device_id": device_of(kind), "ts": ts, "boot_id": "b1", "seq": 5, **fields}
    return f"city/v1/kl/{kind}/{device_of(kind)}/{channel}".encode(), json.dumps(whole).encode()


POISON = {
    "a list as the part of an event": [body("streetlight", "event/lamp_failure", part=[])],
    "a part of an event with line breaks": [body("streetlight", "event/lamp_failure", part="a\nb,c=d e\\")],
    "a version of 4,000 digits": [body("streetlight", "state", config_version="=" + "9" * 4000)],
    "a version that one database takes": [body("streetlight", "state", config_version=2**31)],
    "a count of 4,000 digits": [head("streetlight", "event/passage", road_users=int("9" * 4000))],
    "sums beyond the largest number": [
        head("streetlight", "event/counter_reset", counter="wh", last_value=1.7e308, ts=rfc3339(NOW_US - at), seq=at)
        for at in range(3)
    ],
    "two devices that count from 0 to the largest number": [
        body(kind, "telemetry", seq=seq, ts=rfc3339(NOW_US - seq % 1000 * 1000))
        for kind in ("streetlight", "event_network")
        for seq in (0, LARGEST_SEQ)
    ],
    "unknown fields that no database would keep": [
        body("streetlight", "info", x={"\0": "\0", "deep": [[[[]]]]}, big="=" + "9" * 4000, nan="=NaN", inf="=1e999")
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", POISON)
def test_one_device_cannot_stop_the_city(name: str, city: WholeWay) -> None:
    city.take([message(*one) for one in POISON[name]])
    city.later()
    _assert_each_counted(city, len(POISON[name]))


def test_deranged_messages_go_their_whole_way(city: WholeWay) -> None:
    chance = random.Random(3)
    sent = [(one.topic, text_of(one.pairs)) for one in RECORDED]
    sent += [(one.topic, payload) for one in RECORDED[::8] for payload in zoo_of(one)]
    sent += [(one.topic, deranged(one, chance)) for one in chance.choices(RECORDED, k=4000)]
    chance.shuffle(sent)
    for start in range(0, len(sent), 100):
        city.take([message(*one) for one in sent[start : start + 100]])
    city.later()
    lines = _assert_each_counted(city, len(sent))
    assert sum(line.dead_letter for line in lines) > 3000
    assert sum(line.stored for line in lines) > len(RECORDED)


def _assert_each_counted(city: WholeWay, number: int) -> list[LedgerLine]:
    lines = [line for line in city.ledger() if line.unit == "messages"]
    assert sum(line.received for line in lines) == number
    for line in lines:
        assert line.received == line.stored + line.duplicate + line.conflict + line.dead_letter
    return lines
