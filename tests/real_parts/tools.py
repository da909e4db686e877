"""A fixture for each tool that a machine may lack, and the proof that a test uses none without asking for it.

With LAUTERN_TEST_WITHOUT_TOOLS=1 no tool is found and only the tests run that ask for one: each must be skipped, and
each tool must be missed by one of them.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, Final

import pytest

from tests.real_parts import finding

PROGRAMS: Final = frozenset({*finding.TOOLS, "influxd", "mosquitto_passwd", "libfaketimeMT.so.1", "prometheus"})
SERVERS: Final = frozenset({"influxdb", "mosquitto", "postgres", "postgresql"})
"""How parameters of tests call the servers that are tools."""
_RUNNING: Final[list[pytest.Item]] = []
"""The test that runs, with its setup and teardown."""
_missed: Final[set[str]] = set()


def _tool(name: str) -> Callable[[], Path]:
    def found() -> Path:
        return finding.require_tool(name)

    return pytest.fixture(scope="session", name=_fixture_name(name))(found)


def _fixture_name(tool: str) -> str:
    return f"{tool.replace('-', '_')}_program"


globals().update({_fixture_name(name): _tool(name) for name in finding.TOOLS})
FIXTURES: Final = frozenset(map(_fixture_name, finding.TOOLS))


def asks_for_a_tool(item: pytest.Item) -> bool:
    """Whether a fixture of the test needs a tool, or a server that a parameter of it names (`nats-influxdb`)."""
    given = getattr(item, "callspec", None)
    words = {word for value in given.params.values() for word in str(value).split("-")} if given is not None else set()
    return bool(words & SERVERS or FIXTURES & set(getattr(item, "fixturenames", ())))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without tools only what asks for one is worth running."""
    if finding.WITHOUT_TOOLS:
        config.hook.pytest_deselected(items=[item for item in items if not asks_for_a_tool(item)])
        items[:] = filter(asks_for_a_tool, items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Know which test starts a program."""
    _RUNNING.append(item)
    try:
        return (yield)
    finally:
        _RUNNING.remove(item)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note which tool was missed; a test that passes without is none that needs it."""
    if not finding.WITHOUT_TOOLS:
        return
    if report.skipped:
        said = str(report.longrepr)
        _missed.update(name for name, tool in finding.TOOLS.items() if f"{tool.name} is not on this machine" in said)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many skipped, and what nobody missed."""
    if finding.WITHOUT_TOOLS:
        skipped = len(terminalreporter.stats.get("skipped", ()))
        terminalreporter.write_line(
            f"without tools: {skipped} tests were skipped; missed: {', '.join(sorted(_missed))}"
        )
        for name in _not_missed(terminalreporter.config):
            terminalreporter.write_line(f"FAILED: no test was skipped for want of {name}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that does not miss each tool proves nothing."""
    if finding.WITHOUT_TOOLS and session.exitstatus == 0 and _not_missed(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _not_missed(config: pytest.Config) -> list[str]:
    return sorted(finding.TOOLS.keys() - _missed) if config.args == ["tests"] else []


def _look_at_what_is_started(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen" or not _RUNNING or asks_for_a_tool(_RUNNING[-1]):
        return
    program, words, _, environment = arguments
    texts = [f"./{program}", *map(str, words), str((environment or {}).get("LD_PRELOAD", ""))]
    files = {PurePath(text.rpartition("=")[2]).name for text in texts if "/" in text}
    if unasked := sorted(PROGRAMS & files):
        message = f"{_RUNNING[-1].nodeid} starts {unasked} and asks for no fixture of {__name__}"
        raise RuntimeError(message)


sys.addaudithook(_look_at_what_is_started)
