"""Watched loops: passing trouble is waited out, everything else ends the loop and is seen."""

import threading
from collections.abc import Iterator

import pytest

from devices.errors import StoreUnavailable
from gateway.loops import Loop, Loops
from tests.real_parts.waiting import wait_until


@pytest.fixture
def loops() -> Iterator[Loops]:
    loops = Loops(stop_wait_s=2)
    yield loops
    loops.stop()


def test_loop_goes_on_at_once_while_there_is_work(loops: Loops) -> None:
    left = [1] * 50
    loops.start(Loop("work", lambda: left.pop() if left else 0, idle_s=60))
    wait_until(lambda: not left, timeout_s=5)


def test_passing_trouble_is_told_and_forgotten(loops: Loops) -> None:
    down = [StoreUnavailable("away")] * 3
    tried = []

    def step() -> None:
        tried.append(1)
        if down:
            raise down.pop()

    loop = loops.start(Loop("store", step, idle_s=0.01))
    wait_until(lambda: loop.trouble is not None, what="trouble")
    wait_until(lambda: loop.trouble is None and len(tried) > 4, what="recovered")
    assert (loop.failures, loop.died, loops.dead()) == (0, None, None)


def test_other_errors_end_the_loop_and_are_seen(loops: Loops) -> None:
    def step() -> None:
        raise KeyError("a bug")

    loop = loops.start(Loop("broken", step, idle_s=0.01))
    wait_until(lambda: loops.dead() is loop, what="its death is seen")
    assert isinstance(loop.died, KeyError)


def test_stopping_is_no_death_and_names_who_is_late() -> None:
    loops, end = Loops(stop_wait_s=0.2), threading.Event()
    loops.start(Loop("quick", lambda: None, idle_s=60))
    loops.start(Loop("stuck", lambda: end.wait(20), idle_s=0))
    assert loops.stop() == ["stuck"]
    assert loops.dead() is None
    end.set()
