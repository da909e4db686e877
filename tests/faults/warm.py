"""A copy of the tree in which a file can be changed, and a process with all libraries loaded that runs tests on it."""

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.faults.mutations import FOLDERS, ROOT

_LIBRARIES: Final = "libraries"
_OPTIONS: Final = ("-q", "-x", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "--basetemp=pytest-files")
ENDED: Final = "pytest ended with"
"""How a run begins that ended without naming a test."""
_HUNG: Final = "a time-out"


class Tree:
    """A copy of the tree and its process, which forks for each run: nothing of one change is there in the next."""

    def __init__(self, folder: Path) -> None:
        """`folder`: an empty one."""
        self._folder = folder
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ("pyproject.toml", "start.py", "docs", "deploy"):
            source = ROOT / path
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / path)
        subprocess.run([sys.executable, "-m", "compileall", "-q", folder], check=False, stdout=subprocess.DEVNULL)
        given = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.warm"],
            cwd=folder,
            env=given,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def fails(self, tests: Sequence[str], file: str | None = None, text: str = "", ends_s: float = 300) -> str | None:
        """The first of these tests that fails, with this text in a file; None when none does."""
        path = self._folder / (file or "")
        before = path.read_text() if file else ""
        if file:
            for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
                compiled.unlink()
            path.write_text(text)
        try:
            return self._asked({"tests": tests, "ends_s": ends_s})
        finally:
            if file:
                path.write_text(before)

    def _asked(self, question: object) -> str | None:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise ValueError(process)
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        answer: str | None = json.loads(process.stdout.readline())["failed"]
        return answer


class _First:
    """Remembers the first test that failed."""

    failed: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Also what fails before or after the test itself."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported any more."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid


def _child(tests: Sequence[str], answers: int) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    first = _First()
    code = pytest.main([*_OPTIONS, *tests], plugins=[first])
    failed = first.failed or (None if code in {0, 5} else f"{ENDED} {int(code)}")
    outside = [n for n, m in sys.modules.items() if "site-packages" in (getattr(m, "__file__", None) or "")]
    os.write(answers, json.dumps({"failed": failed, _LIBRARIES: outside}).encode())
    os._exit(0)


def _run(tests: Sequence[str], ends_s: float) -> str | None:
    """Run tests in a child and end what it started; libraries that it needed are there for the next one."""
    answers, told = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        os.close(answers)
        _child(tests, told)
    os.close(told)
    os.set_blocking(answers, False)
    until, heard, over = time.monotonic() + ends_s, b"", False
    while not over and time.monotonic() < until:
        time.sleep(0.02)
        with contextlib.suppress(BlockingIOError):
            piece = os.read(answers, 1 << 20)
            heard, over = heard + piece, not piece
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(answers)
    if not heard:
        return _HUNG
    said = json.loads(heard)
    for name in said[_LIBRARIES]:
        if name not in sys.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    failed: str | None = said["failed"]
    return failed


def main() -> None:
    """Answer each line that asks for tests with the first that fails."""
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps({"failed": _run(asked["tests"], asked["ends_s"])}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
