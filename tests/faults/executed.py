"""A plugin for pytest that records which test executes which lines of some files, and how long it takes.

`-p tests.faults.executed` with a folder in `LAUTERN_TEST_EXECUTED` and the files, with `:` between them, in
`LAUTERN_TEST_EXECUTED_FILES`; each process leaves in the folder what it saw.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import coverage
import pytest

FOLDER: Final = Path(os.environ["LAUTERN_TEST_EXECUTED"])
TOOK: Final = "took"
_took: Final[dict[str, float]] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Begin to look before anything of the program is imported; each process has a file of its own."""
    files = os.environ["LAUTERN_TEST_EXECUTED_FILES"].split(":")
    seen = coverage.Coverage(data_file=FOLDER / "lines", data_suffix=True, include=files, config_file=False)
    # The process that only hands tests to others sees nothing.
    seen.set_option("run:disable_warnings", ["no-data-collected"])
    seen.start()
    config.stash[_SEEN] = seen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Put what is executed from here on down to this test."""
    item.config.stash[_SEEN].switch_context(item.nodeid)
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up how long a test takes with what it needs, in s."""
    if report.outcome == "passed":
        _took[report.nodeid] = _took.get(report.nodeid, 0) + report.duration
    elif report.when != "teardown":
        _took[report.nodeid] = float("inf")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write down what was seen."""
    (FOLDER / f"{TOOK}.{os.getpid()}.json").write_text(json.dumps(_took))
    seen = config.stash[_SEEN]
    seen.stop()
    seen.save()


_SEEN: Final = pytest.StashKey[coverage.Coverage]()
