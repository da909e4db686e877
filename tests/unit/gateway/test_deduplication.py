"""Each message is judged once, by its number and by the instants of its samples."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.samples import RawMessage
from devices.time_us import rfc3339
from gateway import deduplication as judging
from gateway.binding_cache import BindingCache
from gateway.deduplication import Deduplicator
from gateway.verdicts import MessageOutcome, MessageVerdict
from tests.unit.gateway.fakes import (
    DECODER,
    NOW_US,
    MemoryIdentity,
    MemoryInventory,
    MemoryLoans,
    MemoryMemberships,
    message,
)


class Town:
    """A judge over registered lamps."""

    def __init__(self) -> None:
        self.identity = MemoryIdentity()
        self.inventory = MemoryInventory()
        self.inventory.register("l1")
        self.memberships = MemoryMemberships()
        self.bindings = BindingCache()
        self.judge = Deduplicator(self.identity, self.bindings)

    def verdicts(self, *messages: RawMessage) -> list[MessageVerdict]:
        decoded = [DECODER.decode(m) for m in messages]
        devices = {h.uplink.device_id for h in decoded if h.uplink}
        self.bindings.refresh(self.inventory, MemoryLoans(), self.memberships, devices)  # type: ignore[arg-type]
        with self.identity.judge() as judgement:
            judged = self.judge.judge(judgement, messages, decoded)
            judgement.put_ranges(judged.touched, NOW_US)
        return judged.verdicts

    def outcomes(self, *messages: RawMessage) -> list[str]:
        return [v.outcome.value for v in self.verdicts(*messages)]


@pytest.fixture
def town() -> Town:
    return Town()


def _plain(items: list[dict[str, Any]]) -> RawMessage:
    whole = message(0, batch=items)
    return whole._replace(payload=whole.payload.replace(b'"seq": 0, ', b"", 1))


def test_same_content_is_a_duplicate_other_content_a_conflict(town: Town) -> None:
    first, other = message(1, level_pct=40), message(1, level_pct=50)
    assert town.outcomes(first) == ["accepted"]
    assert town.outcomes(first, other) == ["duplicate", "conflict"]
    assert town.outcomes(first) == ["duplicate"], "the first stays"


def test_same_instant_under_another_number_is_the_same_sample(town: Town) -> None:
    at = rfc3339(NOW_US)
    town.verdicts(message(1, ts=at, level_pct=40))
    assert town.outcomes(message(2, ts=at, level_pct=40), message(3, ts=at, level_pct=9)) == ["duplicate", "conflict"]


def test_clockless_messages_are_told_apart_by_number(town: Town) -> None:
    one, two = message(1, ts=None, level_pct=40), message(2, ts=None, level_pct=40)
    assert town.outcomes(one, two) == ["accepted", "accepted"]
    assert town.outcomes(one, message(1, ts=None, level_pct=41)) == ["duplicate", "conflict"]


def test_states_and_acks_are_told_apart_by_number(town: Town) -> None:
    state = message(1, channel="state")
    ack = message(2, channel="ack", command_id="c1", status="applied")
    assert town.outcomes(state, ack) == ["accepted", "accepted"]
    assert town.outcomes(state, ack, message(2, channel="ack", command_id="c2", status="failed")) == [
        "duplicate",
        "duplicate",
        "conflict",
    ]


def test_batch_that_is_partly_known_keeps_what_is_new(town: Town) -> None:
    town.verdicts(message(0, level_pct=1), message(1, level_pct=1))
    (verdict,) = town.verdicts(_plain([_item(1, 1, 1), _item(2, 2, 1), _item(3, 0, 9)]))
    assert (verdict.outcome, verdict.standings) == (MessageOutcome.ACCEPTED, (1, 0, 2))


def _item(seq: int, ms: int, level: float) -> dict[str, Any]:
    return {"seq": seq, "ts": rfc3339(NOW_US + ms * 1000), "level_pct": level}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (message(1, device="stranger"), "unregistered"),
        (message(1)._replace(topic=b"city/v1/other/lamp/l1/telemetry"), "wrong_topic"),
        (message(1, level_pct=900), "out_of_range"),
    ],
)
def test_what_is_unfit_is_a_dead_letter_but_retained_it_counts_nowhere(
    town: Town, wrong: RawMessage, reason: str
) -> None:
    (live,) = town.verdicts(wrong)
    (retained,) = town.verdicts(wrong._replace(retained=True))
    assert (live.outcome, live.reason) == (MessageOutcome.DEAD_LETTER, reason)
    assert (retained.outcome, retained.asset_id) == (MessageOutcome.RETAINED, "")


def test_retained_message_takes_no_identity(town: Town) -> None:
    assert town.outcomes(message(1, channel="state", retained=True)) == ["retained"]
    assert town.outcomes(message(1, channel="state")) == ["accepted"]


def test_device_speaks_for_the_asset_it_was_bound_to_then(town: Town) -> None:
    town.inventory.register("old", "post", from_us=0, until_us=NOW_US)
    town.inventory.register("new", "post", from_us=NOW_US)
    verdicts = town.verdicts(
        message(1, device="old", ts=rfc3339(NOW_US - 1)),
        message(2, device="old", ts=rfc3339(NOW_US)),
        message(1, device="new", ts=rfc3339(NOW_US - 1000)),
        message(3, device="old", channel="status", state="offline"),
    )
    assert [(v.asset_id, v.reason) for v in verdicts] == [
        ("post", ""),
        ("", "unregistered"),
        ("post", ""),
        ("", "unregistered"),
    ]


def test_one_batch_makes_no_more_parts_than_a_device_may_have(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MAX_SERIES_PER_DEVICE", 3)
    sent = [
        message(1, part="a"),
        message(2, part="a"),
        message(3, part="b"),
        message(4, part="c"),
        message(5, part="d"),
    ]
    found = [(v.outcome, v.reason) for v in town.verdicts(*sent, message(6, part="c"))]
    refused = (MessageOutcome.DEAD_LETTER, "too_many_parts")
    assert found == [*[(MessageOutcome.ACCEPTED, "")] * 4, refused, (MessageOutcome.ACCEPTED, "")]


def test_full_device_keeps_its_known_parts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MAX_SERIES_PER_DEVICE", 2)
    assert town.outcomes(message(1, part="a"), message(2, part="b")) == ["accepted", "accepted"]
    verdicts = town.verdicts(message(3, part="c"), message(4, part="a"))
    assert [(v.outcome, v.reason) for v in verdicts] == [
        (MessageOutcome.DEAD_LETTER, "too_many_parts"),
        (MessageOutcome.ACCEPTED, ""),
    ]


def test_failed_transaction_leaves_no_number_behind(town: Town) -> None:
    decoded = [DECODER.decode(message(1))]
    town.bindings.refresh(town.inventory, MemoryLoans(), MemoryMemberships(), {"l1"})  # type: ignore[arg-type]

    def fails() -> None:
        with town.identity.judge() as judgement:
            town.judge.judge(judgement, [message(1)], decoded)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    town.judge.forget()
    assert town.outcomes(message(1)) == ["accepted"]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=40), st.integers(1, 7))
def test_each_number_is_accepted_once_whatever_the_order_and_the_batches(
    said: list[tuple[int, int]], size: int
) -> None:
    town, accepted = Town(), {}
    for at in range(0, len(said), size):
        some = said[at : at + size]
        verdicts = town.verdicts(*(message(seq, level_pct=level) for seq, level in some))
        for (seq, level), verdict in zip(some, verdicts, strict=True):
            if verdict.outcome is MessageOutcome.ACCEPTED:
                assert seq not in accepted
                accepted[seq] = level
            else:
                expected = MessageOutcome.DUPLICATE if accepted[seq] == level else MessageOutcome.CONFLICT
                assert verdict.outcome is expected
    assert accepted.keys() == {seq for seq, _ in said}
