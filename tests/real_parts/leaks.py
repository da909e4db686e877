"""A test that leaves a thread, a socket, a file or a task behind fails."""

import gc
import sys
import threading
import traceback
from collections.abc import Iterator

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from tests.real_parts.waiting import wait_until

GRACE_S = 3.0


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail the test when a thread that it started outlives it by more than the grace time."""
    before = set(threading.enumerate())
    yield
    try:
        wait_until(lambda: not _leaked(before), timeout_s=GRACE_S)
    except AssertionError:
        pytest.fail("\n".join(map(_describe, _leaked(before))), pytrace=False)


@pytest.fixture(autouse=True, scope="session")
def clients_close_their_wake_up_pair() -> Iterator[None]:
    """Paho closes the sockets that wake its thread only when the client is collected, which may be in a later test."""
    stop = Client.loop_stop

    def loop_stop(client: Client) -> MQTTErrorCode:
        answer = stop(client)
        client._reset_sockets(sockpair_only=True)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "loop_stop", loop_stop)
        yield


@pytest.fixture(autouse=True)
def no_leaked_resources() -> Iterator[None]:
    """Collect what the test dropped, so that a socket or file it never closed warns now, and a warning is an error."""
    yield
    gc.collect()


def pytest_collection_finish() -> None:
    """Set aside all that exists before the first test, so that collecting after each test is cheap."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Set aside what outlives a test, once nothing holds its fixtures any more: modules, servers for many tests."""
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()


def pytest_sessionfinish() -> None:
    """Let pytest's own last collection find what was set aside and dropped unclosed since."""
    gc.unfreeze()


def _leaked(before: set[threading.Thread]) -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread not in before and thread.is_alive()}


def _describe(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    where = "".join(traceback.format_stack(frame)[-3:]) if frame else ""
    return f"leaked thread {thread.name!r}, now at:\n{where}"
