"""Programs of ours that begin as copies of this process: what it has loaded is in memory once for all of them."""

import contextlib
import ctypes
import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Protocol

from devices.kind_catalog import sub_packages

WORKS: Final = sys.platform == "linux"
"""Elsewhere a copy of a process may not call all of the system's libraries."""
_STAT_ARGUMENTS: Final = slice(45, 47)
"""Where /proc/self/stat says from where until where in memory the command line is, after the name."""
_LOOK_S: Final = 0.01
KINDS: Final = ("devices", "storage.kinds", "gateway.kinds", "api.kinds")
"""In these every role finds the kinds at its start."""


class StartedProcess(Protocol):
    """What is used of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


class ForkedProcess:
    """Runs a module like `python -m MODULE ARGUMENTS`, whose command line it shows; only 0, 1, 2 and `keep` stay open.

    `prepare` is called in the new process first. Made by a process with one thread, on Linux.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        streams: Mapping[int, int],
        keep: Iterable[int] = (),
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._command = list(command)
        self._environment = environment
        self._streams = streams
        self._keep = frozenset(keep)
        self._prepare = prepare
        gc.collect()  # nothing that is garbage here may close, over there, a file of its own
        self._process = multiprocessing.get_context("fork").Process(target=self._run)
        self._process.start()
        self.pid: int = self._process.pid or 0

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        # join() would learn it by a pipe of the copy's, which that one closes with all else, and then wait without end.
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() >= until:
                raise subprocess.TimeoutExpired(self._command, timeout or 0)
            time.sleep(_LOOK_S)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()

    def _run(self) -> None:
        gc.freeze()
        self._prepare()
        for ends in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ends, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(-1)
        for to, number in self._streams.items():
            os.dup2(number, to)
        _close_all_but(self._keep)
        # Ours for good, and of our own: what this process was copied from may have put something else in their place.
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
        os.environ.update(self._environment)
        module, *arguments = self._command[2:]
        _show_command_line(self._command)
        sys.argv[1:] = arguments
        sys.modules.pop(module, None)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


class PipedFork(ForkedProcess):
    """One that is told and tells lines, by its standard input and output; all else as here."""

    def __init__(self, command: Sequence[str]) -> None:
        from_us, to_it = os.pipe()
        from_it, to_us = os.pipe()
        super().__init__(command, {}, streams={0: from_us, 1: to_us})
        os.close(from_us)
        os.close(to_us)
        self.stdin: IO[str] | None = open(to_it, "w", buffering=1, encoding="utf-8")  # noqa: PTH123, SIM115
        self.stdout: IO[str] | None = open(from_it, encoding="utf-8")  # noqa: PTH123, SIM115


def can_fork() -> bool:
    """Tell whether this process may begin others as copies of itself."""
    return WORKS and threading.active_count() == 1


def module_command(module: str, *arguments: str) -> list[str]:
    """Command line of a program of ours."""
    return [sys.executable, "-m", module, *arguments]


def is_ours(command: Sequence[str]) -> bool:
    """Tell whether it is a command line of `python -m`."""
    return list(command[:2]) == [sys.executable, "-m"]


def preload(modules: Iterable[str]) -> None:
    """Load what the programs need, once for all; what is loaded is looked through for garbage no more."""
    if WORKS:
        for module in modules:
            importlib.import_module(module)
        for package in KINDS:
            list(sub_packages(importlib.import_module(package)))
        gc.collect()
        gc.freeze()


def _close_all_but(keep: frozenset[int]) -> None:
    begin = 3
    for number in sorted(keep):
        os.closerange(begin, number)
        begin = number + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def _show_command_line(command: Sequence[str]) -> None:
    """As far as there is room, for `ps` and whoever looks for it."""
    with contextlib.suppress(OSError, ValueError):
        fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
        begin, end = map(int, fields[_STAT_ARGUMENTS])
        shown = b"\0".join(os.fsencode(part) for part in command)[: end - begin - 1]
        ctypes.memset(begin, 0, end - begin)
        ctypes.memmove(begin, shown, len(shown))
