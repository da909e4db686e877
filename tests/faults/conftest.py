"""What fault tests share: a seed that is told, and the row of the table that each of them adds."""

import fcntl
import json
import os
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest

from tests.faults.account import Account

ROWS = "LAUTERN_TEST_RELIABILITY"
SEED = "LAUTERN_TEST_SEED"
Report = Callable[..., None]
WAITING: Final = frozenset(
    {
        "test_abuse_rights",
        "test_abuse_schema",
        "test_audit_log",
        "test_auth_callout",
        "test_broker_crash",
        "test_canary_secrets",
        "test_clock",
        "test_connector_rights",
        "test_connectors",
        "test_disks",
        "test_hanging",
        "test_hostile_archive",
        "test_impostors",
        "test_inside",
        "test_read_only",
        "test_readiness",
        "test_registry_away",
        "test_rows",
        "test_second_gateway",
        "test_sessions",
        "test_store_answers",
        "test_supply_chain",
        "test_ways_in",
        "test_wills",
    }
)
"""Mostly idle, until something is noticed, and measure no speed: they may run beside one that loads the machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those that mostly wait."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.stem in WAITING:
            item.add_marker(pytest.mark.waiting)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """One that measures waits, before its time begins, until no other one of this tree does."""
    if item.get_closest_marker("waiting") is not None:
        return (yield)
    folder = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        return (yield)
    finally:
        os.close(folder)


@pytest.fixture
def seed() -> int:
    """Of all that is left to chance in a test; told in its row, and when it fails."""
    chosen = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"\n{SEED}={chosen}")  # noqa: T201 - pytest shows it when the test fails
    return chosen


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Draws by the seed."""
    return random.Random(seed)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Adds a row to the table of `docs/reliability.md`: `report("F07", "what was done", "nats", account)`."""

    def add(fault: str, what: str, parts: str, account: Account | None = None, **figures: object) -> None:
        chosen = request.getfixturevalue("seed") if "seed" in request.fixturenames else None
        row = {"fault": fault, "what": what, "parts": parts, "seed": chosen, "figures": figures}
        row["account"] = None if account is None else asdict(account)
        print(f"\n{json.dumps(row)}")  # noqa: T201 - the figures are the point
        if os.environ.get(ROWS):
            with Path(os.environ[ROWS]).open("a") as rows:
                rows.write(json.dumps(row) + "\n")

    return add
