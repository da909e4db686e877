"""What makes these tests unit tests: none of them opens a connection or starts a program."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

FORBIDDEN: Final = frozenset(
    {"socket.bind", "socket.connect", "socket.sendto", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}
)
"""Events of Python's audit hooks. The pair by which an event loop wakes itself has no address and is none of them."""
_RUNNING: Final[list[str]] = []


@pytest.fixture(autouse=True)
def nothing_outside(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test where it opens a connection or starts a program."""
    _RUNNING.append(request.node.nodeid)
    yield
    _RUNNING.clear()


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in FORBIDDEN and _RUNNING:
        message = f"{_RUNNING[-1]}: {event}; a unit test starts nothing and connects to nobody: {Path(__file__).name}"
        raise RuntimeError(message)


sys.addaudithook(_refuse)
