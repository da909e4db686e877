"""Dead letters: one per refused message or item, a daily bound per device, strangers counted."""

from application.ports.journal import JournalBatch
from devices.kind_catalog import discover_kinds
from devices.samples import RawMessage
from devices.sequence_ranges import SequenceRanges
from devices.time_us import DAY_US
from gateway.batch import BatchItem, MessageBatch, items_of
from gateway.decode import MessageDecoder, RefusedMessage
from gateway.effects.dead_letters import A_DAY_BYTES, DeadLetterRecorder, unknown_devices
from gateway.effects.ledger_counts import ledger_increments, sequence_gaps
from gateway.verdicts import MessageOutcome, MessageVerdict
from tests.unit.gateway.fakes import DECODER, NOW_US, message


def passed(*messages: RawMessage, verdict: MessageVerdict | None = None) -> MessageBatch:
    """A pass of one batch; without a verdict each is what the decoder says."""
    decoded = [DECODER.decode(m) for m in messages]
    verdicts = [
        MessageVerdict(MessageOutcome.DEAD_LETTER, "", h.reason, h.detail)
        if isinstance(h, RefusedMessage)
        else verdict or MessageVerdict(MessageOutcome.ACCEPTED, "a-l1")
        for h in decoded
    ]
    return MessageBatch("lane", 7, 7, tuple(items_of(JournalBatch(7, messages), decoded, verdicts)), {})


UNREGISTERED = MessageVerdict(MessageOutcome.DEAD_LETTER, "", "unregistered")


def balanced(done: MessageBatch) -> bool:
    counts = ledger_increments(done)
    received = {key[:2]: n for key, n in counts.items() if key[2] == "received"}
    return all(
        n == sum(counts[kind, unit, c] for c in ("accepted", "duplicate", "conflict", "dead_letter"))
        for (kind, unit), n in received.items()
    )


def batch(*levels: float) -> RawMessage:
    one = message(0)
    items = ",".join(f'{{"seq":{n},"level_pct":{level}}}' for n, level in enumerate(levels))
    return one._replace(payload=one.payload.replace(b'"seq": 0', f'"batch":[{items}]'.encode()))


def test_each_letter_has_an_id_that_is_the_same_when_it_is_judged_again() -> None:
    done = passed(message(1, level_pct=900), message(2), message(3, level_pct=901))
    assert [x.letter_id for x in DeadLetterRecorder().of(done)] == ["lane-7-0", "lane-7-2"]
    assert DeadLetterRecorder().of(done) == DeadLetterRecorder().of(done)


def test_bad_item_is_kept_as_a_message_of_its_own_that_can_be_replayed() -> None:
    done = passed(batch(1, 200, 2))
    (letter,) = DeadLetterRecorder().of(done)
    assert (letter.letter_id, letter.reason, letter.detail[:12]) == ("lane-7-0-1", "out_of_range", "batch item 1")
    again = DECODER.decode(RawMessage(letter.topic, letter.payload or b"", 1, False, True, NOW_US))  # noqa: FBT003 - as received
    assert isinstance(again, RefusedMessage)
    assert again.reason == "out_of_range"
    assert balanced(done)


def test_noisy_device_fills_its_own_bound_until_the_next_day() -> None:
    letters = DeadLetterRecorder(per_device_and_day=3)
    loud = [message(n, level_pct=900) for n in range(10)]
    assert len(letters.of(passed(*loud))) == 3
    assert len(letters.of(passed(message(1, device="l2", level_pct=900)))) == 1
    tomorrow = [m._replace(received_us=NOW_US + DAY_US) for m in loud]
    assert len(letters.of(passed(*tomorrow))) == 3


def test_what_a_device_filled_before_a_restart_counts() -> None:
    loud = passed(*(message(n, level_pct=900) for n in range(10)))
    asked: list[str | None] = []

    def kept(device_id: str | None, from_us: int) -> tuple[int, int]:
        asked.append(device_id)
        assert from_us % DAY_US == 0
        return 8, 0

    letters = DeadLetterRecorder(per_device_and_day=10)
    assert len(letters.of(loud, kept)) == 2
    assert len(letters.of(loud, kept)) == 0
    assert asked == ["l1"], "once, as it is known then"
    assert len(letters.reasons) == 1


def test_beyond_its_bytes_of_a_day_letters_are_kept_without_their_content() -> None:
    loud = passed(*(message(n, level_pct=900) for n in range(3)))
    room = A_DAY_BYTES - len(loud.items[0].message.payload)
    kept = [
        letter.payload is not None for letter in DeadLetterRecorder().of(loud, lambda _device_id, _from_us: (0, room))
    ]
    assert kept == [True, False, False]


def test_strangers_are_counted_with_what_they_say_of_themselves() -> None:
    info = message(2, channel="info", maker="Lautrer Licht", undeclared="x" * 200_000)
    done = passed(message(1), info, message(3)._replace(received_us=NOW_US + 9), verdict=UNREGISTERED)
    (stranger,) = unknown_devices(done)
    assert (stranger.device_id, stranger.messages) == ("l1", 3)
    assert (stranger.first_seen_us, stranger.last_seen_us) == (NOW_US, NOW_US + 9)
    assert stranger.info is not None
    assert stranger.info["maker"] == "Lautrer Licht"
    assert "undeclared" not in stranger.info
    assert balanced(done)


def test_retained_message_of_a_stranger_makes_no_stranger_and_no_count() -> None:
    done = passed(
        message(1, channel="info", retained=True), verdict=MessageVerdict(MessageOutcome.RETAINED, "", "unregistered")
    )
    assert (unknown_devices(done), DeadLetterRecorder().of(done), ledger_increments(done)) == ([], [], {})


def test_kinds_that_are_none_share_one_line_of_the_ledger() -> None:
    done = passed(*(message(1)._replace(topic=f"city/v1/kl/made_up_{n}/l1/telemetry".encode()) for n in range(3)))
    assert ledger_increments(done) == {("-", "messages", "received"): 3, ("-", "messages", "dead_letter"): 3}


def test_mixed_batch_and_its_repetition_add_up() -> None:
    for verdict in (
        MessageVerdict(MessageOutcome.ACCEPTED, "a-l1", standings=(0, 1, 2)),
        MessageVerdict(MessageOutcome.DUPLICATE, "a-l1"),
        MessageVerdict(MessageOutcome.CONFLICT, "a-l1"),
        UNREGISTERED,
    ):
        assert balanced(passed(batch(1, 2, 300, 3), verdict=verdict))


def test_gap_is_told_when_it_changes_and_again_when_nobody_knows() -> None:
    ranges = SequenceRanges()
    for seq in (1, 4):
        ranges.add(seq)
    done = passed(message(4))
    done.touched["l1", "b1"] = ranges
    assert [(g.first_seq, g.last_seq, g.received, g.missing) for g in sequence_gaps(done)] == [(1, 4, 2, 2)]
    assert sequence_gaps(done) == []
    for seq in (2, 3):
        ranges.add(seq)
    assert [g.missing for g in sequence_gaps(done)] == [0]
    ranges.reported = -1
    assert [g.missing for g in sequence_gaps(done)] == [0]


def test_items_know_their_place() -> None:
    items: tuple[BatchItem, ...] = passed(message(1), message(2)).items
    assert [(i.batch_id, i.number, len(i.samples)) for i in items] == [(7, 0, 1), (7, 1, 1)]


def test_of_a_message_that_names_a_visitors_device_no_byte_is_kept() -> None:
    topic = b"city/v1/kl/event_network/n1/telemetry"
    body = b'{"v":1,"device_id":"n1","boot_id":"b","seq":1,"wifi_clients":9,"seen":"aa:bb:cc:dd:ee:ff"}'
    told = message(1)._replace(topic=topic, payload=body)
    heard = MessageDecoder(discover_kinds()).decode(told)
    assert isinstance(heard, RefusedMessage)
    verdict = MessageVerdict(MessageOutcome.DEAD_LETTER, "", heard.reason, heard.detail)
    done = MessageBatch("lane", 7, 7, tuple(items_of(JournalBatch(7, (told,)), [heard], [verdict])), {})
    (letter,) = DeadLetterRecorder().of(done)
    assert (letter.reason, letter.payload) == ("personal_data", None)
    assert "aa:bb" not in letter.detail
    assert balanced(done)
