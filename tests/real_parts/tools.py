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
SERVERS: Final = {"influxdb": "influxd", "mosquitto": "mosquitto", "postgres": "postgres", "postgresql": "postgres"}
"""How parameters of tests call the servers that are tools."""
_RUNNING: Final[list[pytest.Item]] = []
"""The test that runs, with its setup and teardown."""
_asked: Final[dict[str, frozenset[str]]] = {}
_missed: Final[set[str]] = set()
_begun: Final[set[str]] = set()
"""Programs that a test which asked for them began: what such a one left dead begins again in the next."""


def _tool(name: str) -> Callable[[], Path]:
    def found() -> Path:
        return finding.require_tool(name)

    return pytest.fixture(scope="session", name=_fixture_name(name))(found)


def _fixture_name(tool: str) -> str:
    return f"{tool.replace('-', '_')}_program"


globals().update({_fixture_name(name): _tool(name) for name in finding.TOOLS})
FIXTURES: Final = {_fixture_name(name): name for name in finding.TOOLS}


def tools_of(item: pytest.Item) -> frozenset[str]:
    """Tools that a fixture of the test needs, or a server that a parameter of it names (`nats-influxdb`)."""
    given = getattr(item, "callspec", None)
    words = {word for value in given.params.values() for word in str(value).split("-")} if given is not None else set()
    asked = FIXTURES.keys() & set(getattr(item, "fixturenames", ()))
    return frozenset({SERVERS[word] for word in words & SERVERS.keys()} | {FIXTURES[name] for name in asked})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without tools only what asks for one is worth running."""
    if finding.WITHOUT_TOOLS:
        _asked.update({item.nodeid: tools for item in items if (tools := tools_of(item))})
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in _asked])
        items[:] = [item for item in items if item.nodeid in _asked]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Know which test starts a program."""
    _RUNNING.append(item)
    try:
        return (yield)
    finally:
        _RUNNING.remove(item)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what was missed."""
    if report.skipped:
        _missed.update(_asked.get(report.nodeid, ()))


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
    if event != "subprocess.Popen" or not _RUNNING:
        return
    program, words, _, environment = arguments
    texts = [f"./{program}", *map(str, words), str((environment or {}).get("LD_PRELOAD", ""))]
    files = {PurePath(text.rpartition("=")[2]).name for text in texts if "/" in text}
    if tools_of(_RUNNING[-1]):
        _begun.update(PROGRAMS & files)
    elif unasked := sorted((PROGRAMS & files) - _begun):
        message = f"{_RUNNING[-1].nodeid} starts {unasked} and asks for no fixture of {__name__}"
        raise RuntimeError(message)


sys.addaudithook(_look_at_what_is_started)
