"""Verdicts survive their bytes."""

from gateway.verdicts import Outcome, Verdict, dump, load


def test_verdicts_come_back_as_they_were() -> None:
    verdicts = [
        Verdict(Outcome.ACCEPTED, "L01"),
        Verdict(Outcome.ACCEPTED, "L02", standings=(0, 1, 2)),
        Verdict(Outcome.DUPLICATE, "L01"),
        Verdict(Outcome.DEAD_LETTER, "", "bad_json", "line 1"),
        Verdict(Outcome.RETAINED, "L02"),
    ]
    assert load(dump(verdicts)) == verdicts
    assert load(dump([])) == []
