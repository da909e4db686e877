"""Runs commands side by side, each wholly told: the first as it goes, the others once they have ended."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
NO_TESTS: Final = 5
"""How pytest says that it found none."""


def run_together(commands: Sequence[Sequence[str]]) -> list[int]:
    """Exit codes of the commands, which run at the same time at the root of the tree."""
    first, *others = commands
    with ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in others]
        beside = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output))
            for command, output in zip(others, said, strict=True)
        ]
        codes = [subprocess.run(first, cwd=ROOT, check=False).returncode]
        for process, output in zip(beside, said, strict=True):
            codes.append(process.wait())
            output.seek(0)
            sys.stdout.write(output.read())
            sys.stdout.flush()
    return codes


def worst_of(codes: Sequence[int]) -> int:
    """The first failure, else 0; `NO_TESTS` only where no command found any."""
    failures = [code for code in codes if code not in {0, NO_TESTS}]
    return failures[0] if failures else min(codes, default=NO_TESTS)
