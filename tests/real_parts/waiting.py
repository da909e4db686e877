"""Waiting for a condition with a deadline; tests never sleep and hope."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], *, timeout_s: float = 10.0, what: str = "") -> None:
    """Return once the condition is true; raise AssertionError naming `what` when the deadline passes."""
    deadline = time.monotonic() + timeout_s
    pause_s = 0.002
    while not condition():
        if time.monotonic() > deadline:
            message = f"not within {timeout_s:g} s: {what or condition}"
            raise AssertionError(message)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


def wait_equal(value: Callable[[], object], expected: object, *, timeout_s: float = 10.0) -> None:
    """Return once the value is the expected one; raise AssertionError with the last one when the deadline passes."""
    last: object = None

    def equal() -> bool:
        nonlocal last
        last = value()
        return last == expected

    try:
        wait_until(equal, timeout_s=timeout_s)
    except AssertionError:
        message = f"not within {timeout_s:g} s: {expected}, last seen {last}"
        raise AssertionError(message) from None
