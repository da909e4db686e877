"""A05: requests made up from our own description, by each role and by nobody."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest
import uvicorn

from api.application import create_app
from api.limits import Limits
from devices.catalog import discover
from devices.people.roles import roles
from tests.contracts.api.conftest import City, catalog, migrated, open_city
from tests.contracts.api.test_schema import made_up
from tests.faults.conftest import Report
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

__all__ = ["catalog", "migrated", "open_city"]
LONG: Final = bool(os.environ.get("LAUTERN_TEST_LONG"))
EXAMPLES: Final = int(os.environ.get("LAUTERN_TEST_EXAMPLES", "500")) if LONG else 1
NOBODY: Final = "nobody"
UNBOUNDED: Final = Limits(requests_per_s=1e9, address_requests_per_s=1e9)


@pytest.fixture
def served(open_city: Callable[[], City]) -> Iterator[tuple[City, str]]:
    """The API on a socket, without limits to the number of requests."""
    city = open_city()
    app = create_app(replace(city.services, limits=UNBOUNDED), poll_s=0.02)
    port = claim_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield city, f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.timeout(6 * 3600 if LONG else 300)
@pytest.mark.parametrize("role", [NOBODY, *sorted(roles(discover()))] if LONG else [NOBODY])
def test_made_up_requests_break_nothing(served: tuple[City, str], role: str, report: Report) -> None:
    city, address = served
    city.asset("lamp")
    key = {} if role == NOBODY else city.key(*roles(city.catalog)[role], tenant_id="kl")
    tried, wrong = made_up(address, key, EXAMPLES)
    assert not wrong, "\n\n".join(wrong)
    report(
        "A05", f"{EXAMPLES} requests made up for each of {tried} operations, as {role}", "api-sqlite", server_errors=0
    )
