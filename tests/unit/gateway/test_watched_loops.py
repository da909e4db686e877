"""Watched loops: passing trouble is waited out, everything else ends the loop and is seen."""

import threading
import time
from collections.abc import Iterator

import pytest

from application.health.faults import SystemFault
from devices.errors import JournalFull, LauternError, StoreTokenRefused, StoreUnavailable
from gateway.health_reports import loop_said
from gateway.watched_loops import WatchedLoop, WatchedLoops
from tests.real_parts.waiting import wait_until


@pytest.fixture
def loops() -> Iterator[WatchedLoops]:
    loops = WatchedLoops(stop_wait_s=2)
    yield loops
    loops.stop()


def test_loop_goes_on_at_once_while_there_is_work(loops: WatchedLoops) -> None:
    left = [1] * 50
    loops.start(WatchedLoop("work", lambda: left.pop() if left else 0, idle_s=60))
    wait_until(lambda: not left, timeout_s=5)


def test_passing_trouble_is_told_and_forgotten(loops: WatchedLoops) -> None:
    down = [StoreUnavailable("away")] * 3
    tried = []

    def step() -> None:
        tried.append(1)
        if down:
            raise down.pop()

    loop = loops.start(WatchedLoop("store", step, idle_s=0.01))
    wait_until(lambda: loop.trouble is not None, what="trouble")
    wait_until(lambda: loop.trouble is None and len(tried) > 4, what="recovered")
    assert (loop.failures, loop.died, loops.dead()) == (0, None, None)


def test_other_errors_end_the_loop_and_are_seen(loops: WatchedLoops) -> None:
    def step() -> None:
        raise KeyError("a bug")

    loop = loops.start(WatchedLoop("broken", step, idle_s=0.01))
    wait_until(lambda: loops.dead() is loop, what="its death is seen")
    assert isinstance(loop.died, KeyError)


def test_a_step_that_hangs_is_seen(loops: WatchedLoops) -> None:
    end = threading.Event()
    loop = loops.start(WatchedLoop("hangs", lambda: end.wait(20), idle_s=0, patience_s=0.05))
    wait_until(lambda: loops.stuck() is loop, what="the hang is seen")
    assert loops.dead() is None, "it lives, that is the point"
    assert loop_said(loop).fault is None, "told later than seen here, with the usual patience"
    end.set()
    wait_until(lambda: loops.stuck() is None, what="it moves again")


def test_a_long_step_with_signs_of_life_does_not_hang(loops: WatchedLoops) -> None:
    """As the store's loop while a slow InfluxDB answers one request after another."""
    end, signs = threading.Event(), [0]

    def step() -> None:
        while not end.is_set():
            loops.alive()
            signs[0] += 1

    loop = loops.start(WatchedLoop("slow", step, idle_s=60, patience_s=0.3))
    began = time.monotonic()
    while time.monotonic() - began < 0.6:
        assert loops.stuck() is None
    end.set()
    wait_until(lambda: loop.still_s() == 0, what="idle")
    assert signs[0] > 1


def test_signs_of_life_of_other_threads_count_for_nobody(loops: WatchedLoops) -> None:
    end = threading.Event()
    loop = loops.start(WatchedLoop("hangs", lambda: end.wait(20), idle_s=0, patience_s=0.05))

    def stuck() -> bool:
        loops.alive()
        return loops.stuck() is loop

    wait_until(stuck, what="the hang is seen")
    end.set()


def test_idle_is_not_stuck(loops: WatchedLoops) -> None:
    loop = loops.start(WatchedLoop("idle", lambda: None, idle_s=60, patience_s=0))
    wait_until(lambda: loop.still_s() == 0 and loop.last_ok, what="between two steps")
    assert loops.stuck() is None


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (StoreUnavailable(), SystemFault.STORE_AWAY),
        (StoreTokenRefused(), SystemFault.STORE_TOKEN),
        (JournalFull(), SystemFault.JOURNAL_FULL),
    ],
)
def test_a_waiting_loop_says_for_what(loops: WatchedLoops, error: LauternError, fault: SystemFault) -> None:
    def step() -> None:
        raise error

    loop = loops.start(WatchedLoop("waits", step, idle_s=60))
    wait_until(lambda: loop_said(loop).fault is fault, what="the fault is told")
    assert loop.troubles == loop.failures == 1


def test_a_dead_loop_says_so(loops: WatchedLoops) -> None:
    loop = loops.start(WatchedLoop("broken", lambda: 1 // 0, idle_s=60))
    wait_until(lambda: loop_said(loop).fault is SystemFault.LOOP_DEAD, what="the death is told")


def test_stopping_is_no_death_and_names_who_is_late() -> None:
    loops, end = WatchedLoops(stop_wait_s=0.2), threading.Event()
    loops.start(WatchedLoop("quick", lambda: None, idle_s=60))
    loops.start(WatchedLoop("stuck", lambda: end.wait(20), idle_s=0))
    assert loops.stop() == ["stuck"]
    assert loops.dead() is None
    end.set()
