"""Watched loops: passing trouble is waited out, everything else ends the loop and is seen."""

import threading
import time
from collections.abc import Iterator

import pytest

from devices.errors import JournalFull, LauternError, StoreTokenRefused, StoreUnavailable
from devices.health.faults import Fault
from gateway.loops import Loop, Loops
from gateway.probes import loop_said
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


def test_a_step_that_hangs_is_seen(loops: Loops) -> None:
    end = threading.Event()
    loop = loops.start(Loop("hangs", lambda: end.wait(20), idle_s=0, patience_s=0.05))
    wait_until(lambda: loops.stuck() is loop, what="the hang is seen")
    assert loops.dead() is None, "it lives, that is the point"
    assert loop_said(loop).fault is None, "told later than seen here, with the usual patience"
    end.set()
    wait_until(lambda: loops.stuck() is None, what="it moves again")


def test_a_long_step_with_signs_of_life_does_not_hang(loops: Loops) -> None:
    """As the store's loop while a slow InfluxDB answers one request after another."""
    end, signs = threading.Event(), [0]

    def step() -> None:
        while not end.is_set():
            loops.alive()
            signs[0] += 1

    loop = loops.start(Loop("slow", step, idle_s=60, patience_s=0.3))
    began = time.monotonic()
    while time.monotonic() - began < 0.6:
        assert loops.stuck() is None
    end.set()
    wait_until(lambda: loop.still_s() == 0, what="idle")
    assert signs[0] > 1


def test_signs_of_life_of_other_threads_count_for_nobody(loops: Loops) -> None:
    end = threading.Event()
    loop = loops.start(Loop("hangs", lambda: end.wait(20), idle_s=0, patience_s=0.05))

    def stuck() -> bool:
        loops.alive()
        return loops.stuck() is loop

    wait_until(stuck, what="the hang is seen")
    end.set()


def test_idle_is_not_stuck(loops: Loops) -> None:
    loop = loops.start(Loop("idle", lambda: None, idle_s=60, patience_s=0))
    wait_until(lambda: loop.still_s() == 0 and loop.last_ok, what="between two steps")
    assert loops.stuck() is None


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (StoreUnavailable(), Fault.STORE_AWAY),
        (StoreTokenRefused(), Fault.STORE_TOKEN),
        (JournalFull(), Fault.JOURNAL_FULL),
    ],
)
def test_a_waiting_loop_says_for_what(loops: Loops, error: LauternError, fault: Fault) -> None:
    def step() -> None:
        raise error

    loop = loops.start(Loop("waits", step, idle_s=60))
    wait_until(lambda: loop_said(loop).fault is fault, what="the fault is told")
    assert loop.troubles == loop.failures == 1


def test_a_dead_loop_says_so(loops: Loops) -> None:
    loop = loops.start(Loop("broken", lambda: 1 // 0, idle_s=60))
    wait_until(lambda: loop_said(loop).fault is Fault.LOOP_DEAD, what="the death is told")


def test_stopping_is_no_death_and_names_who_is_late() -> None:
    loops, end = Loops(stop_wait_s=0.2), threading.Event()
    loops.start(Loop("quick", lambda: None, idle_s=60))
    loops.start(Loop("stuck", lambda: end.wait(20), idle_s=0))
    assert loops.stop() == ["stuck"]
    assert loops.dead() is None
    end.set()
