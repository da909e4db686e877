"""A line that repeats without end does not fill the disk, and what was left out is told."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from runtime.log_limit import BURST, PER_S, LogLimit
from runtime.logging_setup import set_up
from runtime.settings_models import LogSettings


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def record(text: object, name: str = "asyncio") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, None, None)


def test_a_flood_is_cut_to_a_burst_and_told_afterwards() -> None:
    now = 0.0
    limit = LogLimit(lambda: now)
    lines = [record(f"socket.accept() out of system resource\nsocket: {n}") for n in range(5000)]
    assert sum(limit.filter(line) for line in lines) == BURST
    now = 1 / PER_S
    later = record("socket.accept() out of system resource\nsocket: 1")
    assert limit.filter(later)
    assert later.getMessage().endswith(f"({5000 - BURST} like it were left out)")


def test_others_are_not_left_out() -> None:
    limit = LogLimit(lambda: 0.0)
    for _ in range(BURST + 1):
        limit.filter(record("broken"))
    assert limit.filter(record("whole"))
    assert limit.filter(record("broken", "uvicorn.error"))


def test_our_own_lines_are_limited_by_their_event(out: io.StringIO) -> None:
    set_up(LogSettings(format="json"), out)
    log = structlog.get_logger()
    for number in range(2 * BURST):
        log.warning("login_refused", user=f"u{number}")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert BURST <= len(lines) < 1.5 * BURST
