"""Threads that all wait for ever are noticed, although the event loop goes on."""

import asyncio
import threading

import pytest
from anyio.to_thread import current_default_thread_limiter, run_sync

from api import worker_probe
from api.worker_probe import WorkerProbe


class Clock:
    """Stands until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_threads_that_take_no_call_hang_and_are_well_once_one_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_probe, "_TRY_S", 0.05)
    clock, free = Clock(), threading.Event()
    probe = WorkerProbe(clock)

    async def tried() -> None:
        current_default_thread_limiter().total_tokens = 1
        stuck = asyncio.create_task(run_sync(free.wait))
        await asyncio.sleep(0)
        clock.now = 61
        await probe.send()
        assert probe.hangs()
        free.set()
        await stuck
        await probe.send()
        assert not probe.hangs()

    asyncio.run(tried())
