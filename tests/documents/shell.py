"""A terminal in which a guide's blocks are run one after the other; variables and functions stay."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.real_parts import finding
from tests.real_parts.waiting import wait_until

TIMEOUT_S = 60.0


class Shell:
    """A bash in a folder. `instead`: what stands for a text of the guide, such as a port that is free here."""

    def __init__(self, folder: Path, environment: Mapping[str, str], instead: Mapping[str, str]) -> None:
        self.folder = folder
        self._bash = finding.require(finding.on_path("bash"), "bash", "apt install bash")
        self._environment = dict(environment)
        self._instead = dict(instead)
        self._state = folder / ".shell"
        self._state.touch()

    def run(self, block: str) -> str:
        """Run a block as it stands; returns what it wrote. A command that fails raises AssertionError."""
        done = self._try(block)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def until(self, block: str, wanted: str = "", timeout_s: float = 20.0) -> str:
        """Run a block until it succeeds and its output holds a text: what a person does who looks again."""
        deadline = time.monotonic() + timeout_s
        while (done := self._try(block)).returncode != 0 or wanted not in done.stdout:
            assert time.monotonic() < deadline, f"no {wanted!r} within {timeout_s:g} s:\n{done.stdout}\n{done.stderr}"
            time.sleep(0.2)
        return done.stdout

    def _try(self, block: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._command(f"{self._here(block)}\ndeclare -px > {self._state}\ndeclare -f >> {self._state}\n"),
            capture_output=True,
            cwd=self.folder,
            env=self._environment,
            timeout=TIMEOUT_S,
            text=True,
            check=False,
        )

    @contextlib.contextmanager
    def running(self, block: str, log: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A block in a terminal of its own, until the end of the `with`; the shell's processes end with it."""
        path = self.folder / log
        with path.open("wb") as out:
            process = subprocess.Popen(
                self._command(self._here(block)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                env=self._environment,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            end(process, signal.SIGTERM)

    def _command(self, text: str) -> list[str]:
        return [str(self._bash), "-euo", "pipefail", "-c", f"source {self._state}\n{text}"]

    def _here(self, block: str) -> str:
        for told, here in self._instead.items():
            block = block.replace(told, here)
        return block


def end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Signal a terminal's processes and wait until all are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
    wait_until(lambda: not _alive(process.pid), timeout_s=20, what=f"the end of process group {process.pid}")


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def environment(root: Path, folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """What a person's terminal holds: the program below `root` as `lautern`, this Python as `python`."""
    programs = folder / "bin"
    programs.mkdir()
    for name, module in (("lautern", "-m cli "), ("python", "")):
        launcher = programs / name
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        launcher.chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(root), **variables}
