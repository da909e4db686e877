"""Turns: so many at once, callers in turn, and who leaves or waits too long is not waited for."""

import asyncio

import pytest

from api.problems import TooBusy, TooManyRequests
from api.query_queue import QueryQueue
from application.telemetry.query_budget import QueryBudget, QueryCancelled


def lane(at_once: int = 1, *, waiting: int = 100, per_caller: int = 100, patience_s: float = 30) -> QueryQueue:
    return QueryQueue(at_once, waiting=waiting, waiting_per_caller=per_caller, patience_s=patience_s)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_callers_take_turns_however_many_questions_one_has() -> None:
    async def scenario() -> None:
        one, order, gate = lane(), list[str](), asyncio.Event()

        async def ask(caller: str) -> None:
            async with one.turn(caller, asyncio.Event()):
                order.append(caller)
                await gate.wait()

        tasks = [asyncio.create_task(ask(caller)) for caller in ("a", "a", "a", "a", "b", "c")]
        await settle()
        assert order == ["a"]
        gate.set()
        await asyncio.gather(*tasks)

        assert order.index("c") <= 3

    asyncio.run(scenario())


def test_too_many_of_one_are_his_fault_and_too_many_of_all_are_not() -> None:
    async def scenario() -> None:
        one = lane(waiting=2, per_caller=1)
        async with one.turn("a", asyncio.Event()):
            waits = [asyncio.create_task(_turn(one, caller)) for caller in ("a", "b")]
            await settle()
            with pytest.raises(TooManyRequests):
                await _turn(one, "a")
            with pytest.raises(TooBusy):
                await _turn(one, "c")
        await asyncio.gather(*waits)

    asyncio.run(scenario())


def test_who_leaves_or_waits_too_long_gives_his_place_up() -> None:
    async def scenario() -> None:
        one, gone = lane(patience_s=0.01), asyncio.Event()
        async with one.turn("a", asyncio.Event()):
            leaves = asyncio.create_task(_turn(one, "b", gone))
            await settle()
            gone.set()
            with pytest.raises(QueryCancelled):
                await leaves
            with pytest.raises(TooBusy):
                await _turn(one, "b")
        await _turn(one, "b")

    asyncio.run(scenario())


def test_a_cancelled_turn_is_free_again() -> None:
    async def scenario() -> None:
        one = lane()
        async with one.turn("a", asyncio.Event()):
            waits = asyncio.create_task(_turn(one, "b"))
            await settle()
            waits.cancel()
            await settle()
        await _turn(one, "c")

    asyncio.run(scenario())


def test_work_is_done_in_a_thread_with_its_budget() -> None:
    async def scenario() -> None:
        one, budget = lane(), QueryBudget()
        assert await one.run(lambda given: given is budget, budget)

    asyncio.run(scenario())


async def _turn(one: QueryQueue, caller: str, gone: asyncio.Event | None = None) -> None:
    async with one.turn(caller, gone or asyncio.Event()):
        pass
