"""The telemetry lane's receiver as the gateway sees it: a process of its own that journals and acknowledges."""

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Protocol

import structlog

from application.message_quota import QuotaExceeded
from devices.errors import JournalUnavailable

log = structlog.get_logger()


class PipedProcess(Protocol):
    """What is used of `subprocess.Popen`."""

    pid: int
    stdin: IO[str] | None
    stdout: IO[str] | None

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it."""


def start_piped(command: Sequence[str]) -> PipedProcess:
    """Start a program that is told and tells lines."""
    return subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


class ReceiverProcess:
    """Starts the process, tells it what to release, hears its state each second. Its end ends the gateway.

    It loads its program at once, and touches neither journal nor broker before `begin`.
    """

    def __init__(self, command: Sequence[str], start: Callable[[Sequence[str]], PipedProcess] = start_piped) -> None:
        self._process = start(command)
        self._lock = threading.Lock()
        self._first_word = threading.Event()
        """Set also by the end of a process that never spoke."""
        self._spoke = False
        self._heard = time.monotonic()
        self.state: Mapping[str, Any] = {}
        self._exceeded: deque[QuotaExceeded] = deque(maxlen=1000)
        self._listener = threading.Thread(target=self._listen, name="receiver-listener", daemon=True)
        self._listener.start()

    def begin(self, timeout_s: float) -> None:
        """Let it receive, and wait for its first word: the journal file is there. Raises JournalUnavailable."""
        self.release(0)
        self._first_word.wait(timeout_s)
        if not self._spoke:
            raise JournalUnavailable("the telemetry receiver did not start; see its log above")

    def release(self, through: int) -> None:
        """Tell it that batches up to this id may be dropped."""
        with self._lock:
            told = self._process.stdin
            if told is not None and not told.closed and self._process.poll() is None:
                try:
                    told.write(f"{through}\n")
                except BrokenPipeError:
                    log.warning("receiver_gone", pid=self._process.pid)

    def alive(self) -> bool:
        """False when the process ended."""
        return self._process.poll() is None

    def silent_s(self) -> float:
        """Seconds since its last word; it speaks each second."""
        return time.monotonic() - self._heard

    def kill(self) -> None:
        """End it at once, also when it hangs."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def exceeded(self) -> list[QuotaExceeded]:
        """Who exceeded his quota since the last call."""
        return [self._exceeded.popleft() for _ in range(len(self._exceeded))]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self, timeout_s: float = 8) -> None:
        """End of its input asks it to finish; killed when it does not in time."""
        if self._process.stdin is not None:
            with self._lock, suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(2)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            state = json.loads(line)
            self._exceeded.extend(QuotaExceeded(*one) for one in state.pop("exceeded", ()))
            self.state = state
            self._heard = time.monotonic()
            self._spoke = True
            self._first_word.set()
        self._first_word.set()
