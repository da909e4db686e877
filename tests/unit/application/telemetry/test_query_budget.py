"""A question is counted while it is answered, and ended from outside."""

import threading

import pytest

from application.telemetry.query_budget import QueryBudget, QueryCancelled, QueryTooLarge, QueryTooSlow


def test_more_rows_or_memory_than_allowed_name_what_to_ask_for_less_of() -> None:
    budget = QueryBudget(rows=10, held_bytes=100)
    budget.read(10)
    with pytest.raises(QueryTooLarge) as rows:
        budget.read(1)
    budget.hold(100)
    budget.hold(-50)
    budget.hold(50)
    with pytest.raises(QueryTooLarge) as memory:
        budget.hold(1)
    assert (rows.value.field, memory.value.field) == ("query.from", "query.fields")


def test_the_first_end_stays_and_nothing_goes_on_after_it() -> None:
    budget = QueryBudget()
    budget.end(QueryTooSlow())
    budget.end(QueryCancelled())
    with pytest.raises(QueryTooSlow):
        budget.read(0)
    with pytest.raises(QueryTooSlow), budget.interruptible(lambda: None):
        raise AssertionError("not begun")


def test_what_waits_in_another_thread_is_interrupted_and_says_why() -> None:
    budget, interrupted, waits = QueryBudget(), threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            with budget.interruptible(interrupted.set):
                waits.set()
                interrupted.wait(10)
                raise OSError("the connection broke")
        except QueryCancelled as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    waits.wait(10)
    budget.end(QueryCancelled())
    thread.join(10)
    assert [type(error.__cause__) for error in raised] == [OSError]


def test_who_is_done_is_interrupted_no_more() -> None:
    budget = QueryBudget()
    with budget.interruptible(lambda: pytest.fail("late")):
        pass
    budget.end(QueryCancelled())
