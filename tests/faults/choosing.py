"""Which tests execute a piece of a file, quickest first, as recorded once by `tests.faults.executed`."""

import ast
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import coverage

from tests.faults.mutations import ROOT

TESTS: Final = ("tests/contracts/api", "tests/unit")
"""In one process each, without a server that is started for them."""
LEFT_OUT: Final = ("tests/contracts/api/test_schema.py",)
"""Sends what chance gives: another run may not notice what this one did."""
_LINES: Final = "lines"
_TOOK: Final = "took"


def record(files: Sequence[str], folder: Path, at_once: int, tests: Sequence[str] = ()) -> None:
    """Run all tests, or add some to what was recorded; the folder holds then what each executed of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in () if tests else (*folder.glob(f"{_LINES}*"), *folder.glob(f"{_TOOK}*")):
        old.unlink()
    given = {**os.environ, "LAUTERN_TEST_EXECUTED": str(folder), "LAUTERN_TEST_EXECUTED_FILES": ":".join(files)}
    left_out = [word for test in LEFT_OUT for word in ("--ignore", test)]
    command = [sys.executable, "-m", "pytest", "-p", "tests.faults.executed", "-q", "-n", str(at_once)]
    subprocess.run([*command, "--dist", "loadfile", *(tests or TESTS), *left_out], cwd=ROOT, env=given, check=False)


class Executed:
    """What was recorded."""

    def __init__(self, folder: Path) -> None:
        """`folder`: what `record` left there."""
        took: dict[str, float] = {}
        for path in folder.glob(f"{_TOOK}*.json"):
            took |= json.loads(path.read_text())
        there = _there(sorted({test.partition("::")[0] for test in took}))
        self.took: Mapping[str, float] = {test: s for test, s in took.items() if math.isfinite(s) and test in there}
        seen = coverage.Coverage(data_file=folder / _LINES, config_file=False)
        seen.combine([str(folder)], keep=True)
        self._data = seen.get_data()

    def tests(self, file: str, first: int, last: int) -> Sequence[str]:
        """Tests that execute one of these lines: the quickest of each file, then the next of each, quickest first."""
        by_line = self._data.contexts_by_lineno(str(ROOT / file))
        text = (ROOT / file).read_text()
        lines = _when_called(text, first, last)
        found = {test for line in lines for test in by_line.get(line, ()) if test in self.took}
        quickest = sorted(found, key=lambda test: self.took[test])
        seen: Counter[str] = Counter()
        turn: dict[str, int] = {}
        for test in quickest:
            of = test.partition("::")[0]
            turn[test] = seen[of]
            seen[of] += 1
        return sorted(quickest, key=lambda test: turn[test])


def _there(files: Sequence[str]) -> frozenset[str]:
    """All tests that there are now; who asks for one that is not there gets none at all."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *(f for f in files if (ROOT / f).exists())]
    return frozenset(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines())


def _when_called(text: str, first: int, last: int) -> Iterable[int]:
    """Lines that show that a piece was used; what is executed at the import is, when what stands below it is called.

    Of a decorator that is its function, of what stands outside of functions all of them.
    """
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    bodies = [range(f.body[0].lineno, (f.end_lineno or f.lineno) + 1) for f in functions]
    if any(first in body for body in bodies):
        return range(first, last + 1)
    headed = [
        body
        for function, body in zip(functions, bodies, strict=True)
        if min(d.lineno for d in (*function.decorator_list, function)) <= first < body.start
    ]
    return [line for body in headed or bodies for line in body]
