"""A05: requests made up from our own description, by each role and by nobody."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import uvicorn
from httpx2 import get

from api import login_throttle
from api.application import create_app
from api.limits import ApiLimits
from application.access.roles import role_scopes
from devices.kind_catalog import discover_kinds
from tests.contracts.api.conftest import City, catalog, migrated, open_city
from tests.contracts.api.test_schema import LEFT_OUT, REFUSES, SKIPPED, made_up
from tests.faults.conftest import Report
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

__all__ = ["catalog", "migrated", "open_city"]
LONG: Final = bool(os.environ.get("LAUTERN_TEST_LONG"))
EXAMPLES: Final = int(os.environ.get("LAUTERN_TEST_EXAMPLES", "500")) if LONG else 1
EACH: Final = int(os.environ.get("LAUTERN_TEST_EXAMPLES", "30"))
"""Requests by chance for each operation, and chains of requests for each that can begin one."""
MOST_S: Final = int(os.environ.get("LAUTERN_TEST_SCHEMA_S", "3600"))
NOBODY: Final = "nobody"
UNBOUNDED: Final = ApiLimits(requests_per_s=1e9, address_requests_per_s=1e9)


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
@pytest.mark.parametrize("role", [NOBODY, *sorted(role_scopes(discover_kinds()))] if LONG else [NOBODY])
def test_made_up_requests_break_nothing(served: tuple[City, str], role: str, report: Report) -> None:
    city, address = served
    city.asset("lamp")
    key = {} if role == NOBODY else city.key(*role_scopes(city.catalog)[role], tenant_id="kl")
    tried, wrong = made_up(address, key, EXAMPLES)
    assert not wrong, "\n\n".join(wrong)
    report(
        "A05", f"{EXAMPLES} requests made up for each of {tried} operations, as {role}", "api-sqlite", server_errors=0
    )


@pytest.mark.skipif(not LONG, reason="sends tens of thousands of requests; LAUTERN_TEST_LONG=1 runs it")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(MOST_S + 600 if LONG else 60)
def test_no_case_and_no_chain_of_requests_breaks_the_description(
    served: tuple[City, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, report: Report
) -> None:
    # The wrong keys of `ignored_auth` would lock the address, and the clock of this city stands still.
    monkeypatch.setattr(login_throttle, "MOST_A_MINUTE", 10**9)
    city, address = served
    city.asset("lamp")
    key = city.key(*(s for some in role_scopes(city.catalog).values() for s in some), tenant_id="kl")
    left_out = "".join(f"{check}.enabled = false\n" for check in LEFT_OUT)
    (tmp_path / "schemathesis.toml").write_text(
        f"[generation]\nwith-security-parameters = false\n"
        f"[checks]\n{left_out}negative_data_rejection.expected-statuses = {list(REFUSES)}\n"
    )
    given = [
        *(f"{address}/openapi.json", "--header", f"Authorization: {key['Authorization']}", "--no-color"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--mode", "all", "--max-examples", str(EACH)),
        # The key would revoke itself, and all that comes after be refused.
        *("--exclude-name", "DELETE /api/v1/api-keys/{key_id}"),
        *("--exclude-path-regex", SKIPPED.pattern, "--max-time", str(MOST_S), "--request-timeout", "30"),
        "--continue-on-failure",
    ]
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", *given]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert get(f"{address}/api/v1/me", headers=key, timeout=10).status_code == 200
    sent, links = (int(re.findall(pattern, done.stdout)[-1]) for pattern in (r"(\d+) generated", r"(\d+) covered"))
    what = f"each case of the description, {EACH} by chance for each operation, chains of requests"
    report("A05", what, "api-sqlite", requests=sent, links=links, wrong=0)
