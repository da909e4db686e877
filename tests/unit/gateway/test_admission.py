"""Who may say what of whom: the device itself, or the connector that speaks for it, and only while it does."""

import json
from typing import Any

import pytest

from application.ports.journal import JournalBatch
from application.ports.memberships import ConnectorMembership
from devices.samples import RawMessage
from devices.time_us import HOUR_US, MINUTE_US, rfc3339
from gateway.batch import MessageBatch, items_of
from gateway.effects.dead_letters import DeadLetterRecorder, unknown_devices
from gateway.effects.ledger_counts import ledger_increments
from gateway.verdicts import MessageOutcome, dump_verdicts, load_verdicts
from tests.unit.gateway.fakes import DECODER, NOW_US, message
from tests.unit.gateway.test_deduplication import Town

REFUSED, OWN = "not_its_connector", "has_a_connector"


def said_by(connector: str, said: RawMessage) -> RawMessage:
    """The same below the topics of a connector, such as `lamp/c1`."""
    tail = said.topic.decode().removeprefix("city/v1/kl/")
    return said._replace(topic=f"city/v1/kl/{connector}/member/{tail}".encode())


@pytest.fixture
def town() -> Town:
    """Lamp l1, for which c1 spoke for an hour until now, and l2, for which c1 speaks since an hour ago."""
    town = Town()
    for name in ("c1", "c2", "l2"):
        town.inventory.register(name)
    ago_us = NOW_US - HOUR_US
    town.memberships.kept = [
        ConnectorMembership("l1", "lamp", "c1", "lamp", "kl", ago_us, NOW_US),
        ConnectorMembership("l2", "lamp", "c1", "lamp", "kl", ago_us),
    ]
    return town


def reasons(town: Town, *messages: RawMessage) -> list[str]:
    return [v.reason if v.outcome is MessageOutcome.DEAD_LETTER else v.asset_id for v in town.verdicts(*messages)]


def test_a_connector_speaks_for_its_member_as_the_member_would(town: Town) -> None:
    channels = ("telemetry", "info", "state")
    some = [said_by("lamp/c1", message(n, device="l2", channel=c)) for n, c in enumerate(channels)]
    assert reasons(town, *some) == ["a-l2"] * 3
    again = some[0]
    other = said_by("lamp/c1", message(0, device="l2", level_pct=7))
    assert town.outcomes(again, other) == ["duplicate", "conflict"]


@pytest.mark.parametrize("connector", ["lamp/c2", "lamp/l1", "lamp/l2", "dock/c1", "lamp/nobody"])
def test_nobody_else_does(town: Town, connector: str) -> None:
    channels = ("telemetry", "status", "info", "state", "ack", "event/fault")
    state, ack = {"state": "offline"}, {"command_id": "x", "status": "applied"}
    fields: dict[str, dict[str, Any]] = {"status": state, "ack": ack}
    some = [said_by(connector, message(n, device="l2", channel=c, **fields.get(c, {}))) for n, c in enumerate(channels)]
    assert reasons(town, *some) == [REFUSED] * len(channels)
    retained = [one._replace(retained=True) for one in some]
    assert [(v.outcome, v.asset_id) for v in town.verdicts(*retained)] == [(MessageOutcome.RETAINED, "")] * len(
        channels
    )


def test_a_town_next_door_does_not(town: Town) -> None:
    alien = said_by("lamp/c1", message(1, device="l2"))
    alien = alien._replace(topic=alien.topic.replace(b"/kl/", b"/zw/"))
    assert reasons(town, alien) == [REFUSED]


def test_the_parent_in_the_network_does_not(town: Town) -> None:
    town.inventory.assets["a-l1"] = town.inventory.assets["a-l1"].__class__("a-l1", "kl", "lamp", "l1", 0, via="a-c2")
    town.memberships.kept.clear()
    assert reasons(town, said_by("lamp/c2", message(1, device="l1"))) == [REFUSED]


def test_an_unregistered_member_is_refused_and_does_not_fill_the_waiting_list(town: Town) -> None:
    stranger = said_by("lamp/c1", message(1, device="stranger"))
    done = _pass(town, stranger)
    assert [item.verdict.reason for item in done.items] == [REFUSED]
    assert unknown_devices(done) == []


def test_what_was_measured_before_the_end_is_taken_later_and_nothing_newer(town: Town) -> None:
    late = NOW_US + 10 * MINUTE_US

    def sample(ts_us: int | None) -> RawMessage:
        ts = None if ts_us is None else rfc3339(ts_us)
        return said_by("lamp/c1", message(abs(ts_us or 0) % 1000, ts=ts, received_us=late))

    status = said_by("lamp/c1", message(channel="status", state="online", received_us=late))
    said = [sample(NOW_US - 1), sample(NOW_US), sample(late - 5), sample(late + 1), sample(None), status]
    assert reasons(town, *said) == ["a-l1"] + [REFUSED] * 5


def test_a_slow_clock_loses_nothing_at_the_beginning_and_a_fast_one_nothing_before_the_end(town: Town) -> None:
    begin = NOW_US - HOUR_US
    slow = said_by("lamp/c1", message(1, ts=rfc3339(begin - 9 * MINUTE_US), received_us=begin + 1))
    older = said_by("lamp/c1", message(2, ts=rfc3339(begin - 11 * MINUTE_US), received_us=begin + 1))
    fast = said_by("lamp/c1", message(3, ts=rfc3339(NOW_US + MINUTE_US), received_us=NOW_US - 1))
    assert reasons(town, slow, older, fast) == ["a-l1", REFUSED, "a-l1"]


def test_a_refusal_says_when_the_right_ended_and_no_end_that_there_was_not(town: Town) -> None:
    begin = NOW_US - HOUR_US
    town.memberships.kept = [
        ConnectorMembership("l1", "lamp", "c1", "lamp", "kl", begin - HOUR_US, begin - 40 * MINUTE_US),
        ConnectorMembership("l1", "lamp", "c1", "lamp", "kl", begin, NOW_US),
        ConnectorMembership("l2", "lamp", "c1", "lamp", "kl", NOW_US),
    ]

    def detail(device: str, at_us: int) -> str:
        said = message(1, device=device, ts=rfc3339(at_us), received_us=at_us)
        (verdict,) = town.verdicts(said_by("lamp/c1", said))
        return verdict.detail

    none = "kl/lamp/c1 does not speak for it"
    assert detail("l1", NOW_US) == f"{none}, its right ended {rfc3339(NOW_US)}"
    assert detail("l1", begin - 20 * MINUTE_US) == f"{none}, its right ended {rfc3339(begin - 40 * MINUTE_US)}"
    assert detail("l1", begin - 2 * HOUR_US) == detail("l2", NOW_US - HOUR_US) == none


def test_the_device_itself_is_not_heard_while_another_speaks_for_it(town: Town) -> None:
    during, after = message(1, ts=rfc3339(NOW_US - 1)), message(2, ts=rfc3339(NOW_US))
    status = message(channel="status", state="online", received_us=NOW_US - 1)
    assert reasons(town, during, after, status) == [OWN, "a-l1", OWN]


def test_a_batch_over_the_end_is_split_and_each_sample_counted_once(town: Town) -> None:
    items = [{"seq": n, "ts": rfc3339(NOW_US + ms * 1000), "level_pct": level} for n, (ms, level) in enumerate(
        ((-3, 1), (-2, 900), (-1, 2), (0, 3), (1, 4))
    )]  # fmt: skip
    whole = message(0, batch=items, received_us=NOW_US + MINUTE_US)
    batch = said_by("lamp/c1", whole._replace(payload=whole.payload.replace(b'"seq": 0, ', b"", 1)))
    done = _pass(town, batch)
    (item,) = done.items
    assert (item.verdict.outcome, item.verdict.standings) == (MessageOutcome.ACCEPTED, (0, 0, 3, 3))
    assert load_verdicts(dump_verdicts([item.verdict])) == [item.verdict]
    assert [s.values["level_pct"] for s in item.samples] == [1, 2]
    counts = {column: n for (_, unit, column), n in ledger_increments(done).items() if unit == "samples"}
    assert counts == {"received": 5, "accepted": 2, "dead_letter": 3}
    letters = DeadLetterRecorder().of(done)
    assert [letter.reason for letter in letters] == ["out_of_range", REFUSED, REFUSED]
    assert len({letter.letter_id for letter in letters}) == 3
    assert [json.loads(letter.payload or b"")["level_pct"] for letter in letters] == [900, 3, 4]
    again = _pass(town, batch).items[0].verdict
    assert again.outcome is MessageOutcome.DUPLICATE


def test_who_speaks_for_others_without_right_fills_his_own_limit(town: Town) -> None:
    letters = DeadLetterRecorder(per_device_and_day=3)
    forged = [said_by("lamp/c2", message(n, device=f"l{n % 2 + 1}")) for n in range(10)]
    assert len(letters.of(_pass(town, *forged))) == 3
    bad = said_by("lamp/c1", message(1, device="l2", level_pct=900))
    assert len(letters.of(_pass(town, bad))) == 1, "another connector has its own"
    assert len(letters.of(_pass(town, message(1, device="l2")))) == 1, "and so has the device"


def _pass(town: Town, *messages: RawMessage) -> MessageBatch:
    decoded = [DECODER.decode(m) for m in messages]
    items = items_of(JournalBatch(1, messages), decoded, town.verdicts(*messages))
    return MessageBatch("lane", 1, 1, tuple(items))
