"""When a broker that runs is taken for stuck."""

from itertools import pairwise

from runtime.broker.broker_probe import BEGINS_S, LOOKS, PAUSES_S, SILENT, SILENT_LOOKS, StuckJudge

TROUBLE = "says of itself: write error"


def looked(judge: StuckJudge, at: float, trouble: str | None, *, room: bool = True) -> bool:
    """Looks until it is stuck, or as often as that takes; whether it is."""
    found = [judge.stuck(at + n / 10, trouble, room=room) for n in range(LOOKS)]
    return any(found)


def test_one_that_worked_and_takes_nothing_any_more_is_stuck() -> None:
    judge = StuckJudge(0)
    assert not judge.stuck(1, None, room=True)
    assert looked(judge, 2, TROUBLE)


def test_one_bad_look_is_a_busy_machine() -> None:
    judge = StuckJudge(0)
    for at in range(0, 40, 2):
        assert not judge.stuck(at, None, room=True)
        assert not judge.stuck(at + 1, TROUBLE, room=True)


def test_without_room_it_is_left_alone_until_there_is_some() -> None:
    judge = StuckJudge(0)
    judge.stuck(1, None, room=True)
    assert not looked(judge, 2, TROUBLE, room=False)
    assert looked(judge, 3, TROUBLE)


def test_one_that_still_reads_what_it_keeps_is_left_alone() -> None:
    judge = StuckJudge(0)
    assert not looked(judge, BEGINS_S - 1, TROUBLE)
    assert looked(judge, BEGINS_S + 1, TROUBLE)


def test_what_a_start_does_not_mend_is_started_ever_less_often() -> None:
    judge, starts, now = StuckJudge(0), [], 0.0
    judge.stuck(0, None, room=True)
    while now < 3000:
        now += 1
        if judge.stuck(now, TROUBLE, room=True):
            starts.append(now)
            judge.begun(now)
            judge.stuck(now, None, room=True)
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= PAUSES_S[-1]


def test_one_that_says_nothing_may_be_busy_and_gets_longer() -> None:
    judge = StuckJudge(0)
    judge.stuck(1, None, room=True)
    found = [judge.stuck(2 + n, f"{SILENT} (TimeoutError)", room=True) for n in range(SILENT_LOOKS)]
    assert found == [False] * (SILENT_LOOKS - 1) + [True]
