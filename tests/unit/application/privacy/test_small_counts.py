"""Whatever an attacker combines, no count from one to four can be made out."""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from application.ports.telemetry import Aggregate
from application.privacy.small_counts import (
    LEAST,
    needed_aggregates,
    round_count,
    rounded_values,
    shown_aggregates,
    shown_count,
    shown_payload,
    shown_values,
)
from application.telemetry.rollup import answer_bucket, combine_pieces, roll_up_samples
from devices.kind_catalog import discover_kinds
from devices.samples import RawMessage
from gateway.decode import DecodedMessage, MessageDecoder

KINDS: Final = discover_kinds()
NODE: Final = KINDS["event_network"]
DECODER: Final = MessageDecoder(KINDS)
ALL: Final = get_args(Aggregate)
BANDS: Final = ("wifi_clients_2g4", "wifi_clients_5g", "wifi_clients_6g")
COUNTS: Final = st.integers(0, 12) | st.sampled_from((1, 4, 5, 8, 9)) | st.integers(0, 10_000_000)
few = st.integers(0, LEAST - 1)


@given(COUNTS)
def test_a_count_is_at_most_what_is_said_of_it(count: int) -> None:
    said = round_count(count)
    assert said % 4 == 0
    assert max(4, count) <= said < max(4, count) + 4
    assert round_count(said) == said
    assert shown_count(count) == shown_count(said) == ("<5" if count < 5 else said)


@pytest.mark.parametrize("value", [None, True, False, "<5", "three"])
def test_what_is_no_count_stays_what_it_is(value: object) -> None:
    assert shown_count(value) is value
    assert shown_values(NODE, {"wifi_clients": value}) == {"wifi_clients": value}


@given(few, few, st.lists(COUNTS, max_size=3))
def test_what_is_taken_in_is_the_same_for_all_counts_under_five(one: int, other: int, bands: list[int]) -> None:
    """So all that is stored, kept, backed up, sent on or computed of it is the same, too."""
    rest: dict[str, Any] = dict(zip(BANDS, bands, strict=False))
    assert _taken_in(wifi_clients=one, **rest) == _taken_in(wifi_clients=other, **rest)
    assert _taken_in(dhcp_leases_used=one, **rest) == _taken_in(dhcp_leases_used=other, **rest)
    split = rest | {"wifi_clients": 40}
    assert _taken_in(**split | {BANDS[2]: one}) == _taken_in(**split | {BANDS[2]: other})


def test_bands_come_in_where_all_have_five_or_more_and_the_total_in_any_case() -> None:
    split = {"wifi_clients": 40, BANDS[0]: 10, BANDS[1]: 30}
    assert rounded_values(NODE, split) == {"wifi_clients": 40, BANDS[0]: 12, BANDS[1]: 32}
    assert rounded_values(NODE, split | {BANDS[2]: 4}) == {"wifi_clients": 40}


def test_road_users_at_a_lamp_are_counts_of_people_too() -> None:
    lamp = KINDS["streetlight"]
    assert rounded_values(lamp, {"road_users": 1, "power_w": 1.0}) == {"road_users": 4, "power_w": 1.0}
    assert shown_values(lamp, {"road_users": 4}) == {"road_users": "<5"}
    values = {"power_w": 1.0}
    assert rounded_values(lamp, values) is values


def test_what_counts_nobody_is_shown_as_it_is_beside_what_does() -> None:
    heat = {"mean": 3.5, "min": 1.0, "max": 4.0}
    few = {"mean": 4.0, "sum": 12.0, "min": 4, "max": 4}
    shown = shown_aggregates(NODE, {"cpu_pct": heat, "wifi_clients": few}, ("mean", "sum"))
    assert shown == {"cpu_pct": {"mean": 3.5}, "wifi_clients": {"mean": "<5", "sum": None}}
    assert needed_aggregates(NODE, ["cpu_pct"], ("mean",)) == ("mean",)
    values = {"cpu_pct": 3.5}
    assert shown_values(NODE, values) is values
    assert shown_values(None, {"wifi_clients": 4}) == {"wifi_clients": 4}


def _taken_in(**counts: int) -> object:
    body = {"v": 1, "device_id": "n1", "boot_id": "b1", "seq": 1, "part": "ssid:visitors", **counts}
    topic, now_us = b"city/v1/kl/event_network/n1/telemetry", 1_790_000_000_000_000
    message = RawMessage(topic, json.dumps(body).encode(), 1, retained=False, duplicate=False, received_us=now_us)
    heard = DECODER.decode(message)
    assert isinstance(heard, DecodedMessage)
    return heard.readings


Table = list[list[int]]
SMALL: Final = st.sampled_from((0, 1, 2, 3, 4, 4, 5, 5, 6, 8, 9))


@given(st.integers(1, 5).flatmap(lambda n: st.lists(SMALL, min_size=n, max_size=n)))
def test_a_total_beside_its_parts_betrays_none(parts: list[int]) -> None:
    """An attacker who tries all numbers that fit what he is told finds at least two for each count under five."""
    told = ([round_count(p) for p in parts], round_count(sum(parts)))
    fitting = [w for w in itertools.product(*map(_may_be, told[0])) if round_count(sum(w)) == told[1]]
    _assert_open([*zip(*fitting, strict=True), [sum(w) for w in fitting]])


@settings(max_examples=30)
@given(st.lists(st.lists(SMALL, min_size=2, max_size=2), min_size=2, max_size=2))
def test_networks_split_by_band_beside_their_node_betray_none(table: Table) -> None:
    """Rows are networks with their bands, the sums of columns the node's own bands."""
    told, cells = _told(table), [_cell(row, count) for row in table for count in row]
    assume(math.prod(map(len, cells)) < 30_000)
    fitting = [[w[:2], w[2:]] for w in itertools.product(*cells) if _told([w[:2], w[2:]]) == told]
    found = [[t[r][c] for t in fitting] for r in range(2) for c in range(2)]
    _assert_open([*found, *([sum(t[r]) for t in fitting] for r in range(2)), *_columns(fitting)])


def _columns(tables: Sequence[Sequence[Sequence[int]]]) -> list[list[int]]:
    return [[t[0][c] + t[1][c] for t in tables] for c in range(2)]


def _told(table: Sequence[Sequence[int]]) -> object:
    """What samples of two networks and of their node say after they were taken in."""
    columns = [sum(column) for column in zip(*table, strict=True)]
    return [_of_sample(row) for row in (*table, columns)]


@lru_cache(maxsize=100_000)
def _sample(bands: tuple[int, ...]) -> object:
    return rounded_values(NODE, {"wifi_clients": sum(bands), **dict(zip(BANDS, bands, strict=False))})


def _of_sample(bands: Sequence[int]) -> object:
    return _sample(tuple(bands))


def _cell(row: Sequence[int], count: int) -> range:
    return _may_be(round_count(count)) if min(row) >= LEAST else range(round_count(sum(row)) + 1)


def _may_be(said: int) -> range:
    return range(LEAST) if said == 4 else range(said - 3, said + 1)


def _assert_open(possible: Iterable[Iterable[int]]) -> None:
    for values in possible:
        found = set(values)
        assert len(found) > 1 or found & {1, 2, 3, 4} == set(), found


Series = list[int]


@given(st.lists(COUNTS, min_size=1, max_size=12), st.data(), st.integers(1, 6), st.booleans())
def test_no_range_or_aggregate_tells_counts_under_five_apart(
    counts: Series,
    data: st.DataObject,
    width: int,
    wider: bool,  # noqa: FBT001
) -> None:
    """Also of counts that were stored exactly, before they were rounded when taken in: two worlds, equal answers."""
    assume(any(c < LEAST for c in counts))
    twin = [c if c >= LEAST else data.draw(few) for c in counts]
    for begin, end in itertools.combinations(range(len(counts) + 1), 2):
        assert _answers(counts[begin:end], width, wider=wider) == _answers(twin[begin:end], width, wider=wider)
    for one, other in zip(counts, twin, strict=True):
        assert shown_values(NODE, {"wifi_clients": one}) == shown_values(NODE, {"wifi_clients": other})


def _answers(counts: Series, width: int, *, wider: bool) -> object:
    percentiles: list[Aggregate] = [] if wider else ["p50", "p95", "p99"]
    samples = [(second, {"wifi_clients": float(count)}) for second, count in enumerate(counts)]
    pieces = roll_up_samples(samples, width, 3, percentiles)
    wanted = [a for a in ALL if not a.startswith("p") or not wider]
    read = needed_aggregates(NODE, ["wifi_clients"], wanted)
    found = [answer_bucket(p, ["wifi_clients"], read) for p in (combine_pieces(pieces, 2 * width) if wider else pieces)]
    alone = [needed_aggregates(NODE, ["wifi_clients"], [agg]) for agg in wanted]
    assert all({"min", "max"} <= set(a) for a in alone)
    return [(b.start_us, b.count, shown_aggregates(NODE, b.values, wanted)) for b in found]


def test_a_mean_or_sum_over_some_few_is_not_told() -> None:
    mixed = {"wifi_clients": {"mean": 5.5, "sum": 11.0, "min": 3.0, "max": 8.0, "count": 2.0, "p50": 3.0, "last": 8.0}}
    shown = {"mean": None, "sum": None, "min": "<5", "max": 8, "count": 2.0, "p50": "<5", "last": 8}
    assert shown_aggregates(NODE, mixed, list(mixed["wifi_clients"])) == {"wifi_clients": shown}
    assert shown_aggregates(NODE, mixed, ["mean"]) == {"wifi_clients": {"mean": None}}
    assert shown_aggregates(NODE, {"wifi_clients": {"mean": 1.5, "min": 0, "max": 3}}, ["mean"]) == {
        "wifi_clients": {"mean": "<5"}
    }
    many = {"wifi_clients": {"mean": 8.5, "sum": 17.0, "min": 8.0, "max": 9.0}}
    assert shown_aggregates(NODE, many, ["mean", "sum"]) == {"wifi_clients": {"mean": 12, "sum": 20}}


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"wifi_clients": 3, "x": 3}', b'{"wifi_clients": "<5", "x": 3}'),
        (b'{"wifi\\u005fclients": 3}', b'{"wifi_clients": "<5"}'),
        (b'{"batch":[{"wifi_clients":3}]}', b'{"batch": [{"wifi_clients": "<5"}]}'),
        (b'{"wifi_clients":18}', b'{"wifi_clients": 20}'),
        (b'{"cpu_pct":  3}', b'{"cpu_pct":  3}'),
        (b'{"wifi_clients": 3, "cpu', b'{"wifi_clients": <5, "cpu'),
        (b'{"wifi_clients":"3', b'{"wifi_clients":"<5'),
        (b'{"wifi\\u005fclients": 3', None),
        (b"\xff\x00", b"\xff\x00"),
        (b"[" * 100_000, b"[" * 100_000),
        (b"[" * 900 + b'{"wifi_clients":3}' + b"]" * 900, b"[" * 33 + b"null" + b"]" * 33),
    ],
)  # fmt: skip
def test_a_refused_message_is_shown_without_its_small_counts(payload: bytes, shown: bytes | None) -> None:
    assert shown_payload(NODE, payload) == shown
    assert shown_payload(KINDS["fire_drone"], payload) == payload
