"""Messages that nobody should send: a fixed zoo, and recorded ones with something wrong in them."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devices.kind_catalog import KindCatalog, discover_kinds
from devices.time_us import SECOND_US, rfc3339
from runtime.reference_docs.recorded_messages import read_recorded

CATALOG: Final[KindCatalog] = discover_kinds()
PAYLOADS: Final = Path(__file__).parents[1] / "payloads"
NOW_US: Final = 1_790_000_000_000_000
UP: Final = frozenset({"status", "info", "state", "telemetry", "ack", "event"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message that a device of ours sends, as if it were sent now."""

    kind: str
    channel: str
    """`event/{name}` of an event."""
    pairs: tuple[tuple[str, str], ...]
    """Fields with their values as JSON text; a name may come twice, and a value need not be JSON."""

    @property
    def topic(self) -> bytes:
        """The topic of the device that it is about."""
        return f"city/v1/kl/{self.kind}/{device_of(self.kind)}/{self.channel}".encode()


def device_of(kind: str) -> str:
    """The device of a kind that speaks here."""
    return "L01" if kind == "streetlight" else f"{kind}-1"


def text_of(pairs: Sequence[tuple[str, str]]) -> bytes:
    """The object with these fields, in this order."""
    return ("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}").encode()


def recorded(now_us: int) -> Iterator[Recorded]:
    """All recorded messages, as if they were sent now."""
    for (kind, channel), examples in sorted(read_recorded(PAYLOADS).by_channel.items()):
        if channel.partition(".")[0] not in UP:
            continue
        for number, example in enumerate(examples):
            body: dict[str, Any] = dict(example["payload"])
            if "ts" in body:
                body |= {"device_id": device_of(kind), "ts": rfc3339(now_us - number * SECOND_US)}
            pairs = tuple((name, json.dumps(value)) for name, value in body.items())
            yield Recorded(kind, channel.replace(".", "/"), pairs)


RECORDED: Final = tuple(recorded(NOW_US))
KINDS: Final = tuple(sorted({one.kind for one in RECORDED}))


def nested(depth: int, closed: bool = True) -> str:  # noqa: FBT001, FBT002 - reads as what it makes
    """A list in a list in a list."""
    return "[" * depth + ("]" * depth if closed else "")


LONG_NUMBER: Final = "9" * 5000
BAD_VALUES: Final = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", LONG_NUMBER, f"-{LONG_NUMBER}", "9" * 4300, "1" + "0" * 400,
    str(2**31), str(2**53 + 1), str(2**63 - 1), str(2**63), str(2**64 - 1), str(2**64), str(-(2**63) - 1), "-1",
    "-0.0", "5e-324", "1.7976931348623157e308", "0." + "0" * 3000 + "1", "01", "0x10", "1_000", "+1", ".5", "1.",
    "true", "false", "null", "undefined", "''", '""', '" "', '"1"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"',
    '"\\ufeff"', '"\\u202e"', '"\\x41"', '"' + "x" * 300 + '"', '"' + "é" * 5000 + '"', '"../../etc/passwd"', "[]",
    "{}", "[[]]", "[null]", '{"a":{"b":{"c":1}}}', '{"":""}', "[" + "0," * 2000 + "0]", nested(200), nested(1500),
    nested(200, closed=False), '{"a":' * 200 + "1" + "}" * 200, '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59.999999-14:00"', '"1970-01-01T00:00:00Z"', '"2026-02-30T00:00:00Z"',
    '"2026-06-30T23:59:60Z"', '"2026-09-21T14:13:20"', '"2026-09-21T14:13:20.000000000000Z"', '"P1D"', "1789999999",
)  # fmt: skip
"""Values as text: of the wrong type, at and beyond the edge of what can be kept, and what is no JSON."""

_HEAD: Final = b'{"v":1,"device_id":"L01","boot_id":"b1","seq":1'
ZOO: Final = (
    b"", b" ", b"\0", b"\n", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"{", b"}", b'{"', b'{"v"',
    b'{"v":', b'{"v":1', b'{"v":1,', b'{"v":1,}', b"{'v':1}", b'{"v":1}{"v":1}', b'{"v":1}\0', b"\xef\xbb\xbf{}",
    b"\xff\xfe{\0}\0", b"\xfe\xff\0{\0}", b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b'{"\xff":1}', b'{"v":"\xff"}', b"\x1f\x8b\x08\0\0\0\0\0", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"PK\3\4",
    bytes(range(256)), b"<?xml version='1.0'?>", b"<!ENTITY a 'a'>", b"--- !!python/object/apply:os.system [id]",
    b"${jndi:ldap://x}", b"'; DROP TABLE assets; --",
    *(nested(depth, closed).encode() for depth in (200, 1500, 100_000) for closed in (True, False)),
    *(b'{"batch":' + nested(depth).encode() + b"}" for depth in (200, 1500, 100_000)),
    b'{"a":' * 50_000, b'{"batch":[' * 20_000, b'"batch"', b'{"batch":null}', b'{"batch":{}}', b'{"batch":[]}',
    b'{"batch":[[]]}', b'{"batch":[1,"",null,true,[],{}]}', _HEAD + b',"batch":[' + b"{}," * 5000 + b"{}]}",
    _HEAD + b',"batch":[' + b"{}," * 4999 + b"{}]}", _HEAD + b',"note":"' + b"y" * 4090 + b'","batch":[{}]}',
    _HEAD + b',"batch":[{"batch":[{"batch":[]}]}]}', _HEAD + b',"batch":[{"seq":' + LONG_NUMBER.encode() + b"}]}",
    _HEAD + b',"batch":[{"x":"\xed\xa0\x80"}]}', b"\xef\xbb\xbf" + _HEAD + b',"batch":[{}]}',
    _HEAD + b',"part":"batch"}', _HEAD + b"," + b",".join(b'"k%d":%d' % (n, n) for n in range(12_000)) + b"}",
    _HEAD + b',"v":1' * 20_000 + b"}", b'"' + b"\\" * 100_001, b'"' + b"\\u0041" * 40_000 + b'"', b"1" * 250_000,
    b"-" * 1000, b"[" + b"1e308," * 30_000 + b"1]", b" " * 262_144, b" " * 262_145, b"x" * 300 * 1024,
)  # fmt: skip
"""Payloads that are bad on every topic, or on all but a few."""


def zoo_of(one: Recorded) -> Iterator[bytes]:
    """The zoo, under the name of a message's device where it has one."""
    return (payload.replace(b'"L01"', json.dumps(device_of(one.kind)).encode()) for payload in ZOO)


def deranged(one: Recorded, chance: random.Random) -> bytes:
    """A recorded message with one to three values wrong, missing, twice or unknown, and sometimes broken bytes."""
    pairs = list(one.pairs)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(pairs))
        name, bad = pairs[place][0], chance.choice(BAD_VALUES)
        change = chance.randrange(5)
        if change <= 1:
            pairs[place] = (name, bad)
        elif change == 2 and len(pairs) > 1:
            del pairs[place]
        elif change == 3:
            pairs.append((name, bad))
        else:
            pairs.append((chance.choice(("batch", "part", "note", "severity", "config_version")), bad))
    whole = text_of(pairs)
    return _damaged(whole, chance) if chance.random() < 0.3 else whole


def _damaged(whole: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(whole))
    end = min(len(whole), start + chance.randint(1, 20))
    return chance.choice(
        (
            whole[:start],
            whole[start:],
            whole[:start] + chance.randbytes(chance.randint(1, 8)) + whole[end:],
            whole[:start] + whole[start:end] * chance.randint(2, 50) + whole[end:],
            whole[:start] + bytes([whole[start] ^ (1 << chance.randrange(8))]) + whole[start + 1 :],
        )
    )


_BASE: Final = b"city/v1/kl/streetlight/"
TOPICS: Final = (
    b"", b"/", b"city", b"city/v1", b"city/v1/", b"city/v1/kl", b"city/v1////telemetry",
    b"city/v1/kl/streetlight/telemetry", b"$SYS/broker", b"city/v2/kl/streetlight/L01/telemetry",
    b"CITY/v1/kl/streetlight/L01/telemetry", _BASE + b"L01", b" city/v1/kl/streetlight/L01/telemetry",
    _BASE + b"L 01/telemetry", _BASE + b" /telemetry", _BASE + b"L01/telemetry ", _BASE + b"L01/telemetry/",
    _BASE + b"L01/telemetry\0", _BASE + b"L01\0/telemetry", _BASE + b"L01\n/telemetry", _BASE + b"L01/telemetry\n",
    _BASE + b"L.01/telemetry", _BASE + b"L+01/telemetry", _BASE + b"+/telemetry", _BASE + b"#", _BASE + b"L01/#",
    _BASE + b"L01/cmd/dim", _BASE + b"L01/config", _BASE + b"L01/event", _BASE + b"L01/event/",
    _BASE + b"L01/event/melted", _BASE + b"L01/event/a/b", _BASE + b"\xff/telemetry", b"\xff",
    _BASE + b"L\xc3\xa901/telemetry", _BASE + b"L\xef\xbc\x900/telemetry", _BASE + b"../telemetry",
    _BASE + b"L01/../L02/telemetry", _BASE + b"x" * 65 + b"/telemetry", b"city/v1/kl/toaster/L01/telemetry",
    b"city/v1/kl/canary/L01/telemetry", b"/".join([b"city/v1"] + [b"a"] * 1000),
    (_BASE + b"x" * 65_535)[:65_525] + b"/telemetry", b"city/v1/kl/" + b"k" * 65_500 + b"/L01/state", b"/" * 65_535,
)  # fmt: skip
