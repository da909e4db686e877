"""Verdicts survive their bytes."""

from gateway.verdicts import MessageOutcome, MessageVerdict, dump_verdicts, load_verdicts


def test_verdicts_come_back_as_they_were() -> None:
    verdicts = [
        MessageVerdict(MessageOutcome.ACCEPTED, "L01"),
        MessageVerdict(MessageOutcome.ACCEPTED, "L02", standings=(0, 1, 2)),
        MessageVerdict(MessageOutcome.DUPLICATE, "L01"),
        MessageVerdict(MessageOutcome.DEAD_LETTER, "", "bad_json", "line 1"),
        MessageVerdict(MessageOutcome.RETAINED, "L02"),
    ]
    assert load_verdicts(dump_verdicts(verdicts)) == verdicts
    assert load_verdicts(dump_verdicts([])) == []
