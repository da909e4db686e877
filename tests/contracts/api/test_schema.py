"""Requests that schemathesis makes up from our own description: never a 5xx, answers as described."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devices.catalog import discover
from devices.people.roles import roles
from tests.contracts.api.conftest import City
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

SKIPPED = re.compile(r"^/(metrics|docs|readyz)|/stream$")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def served(open_city: Callable[[], City]) -> Iterator[tuple[City, str]]:
    city = open_city()
    port = claim_port()
    server = uvicorn.Server(uvicorn.Config(city.client.app, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield city, f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["", *sorted(roles(discover()))])
def test_made_up_requests_of_each_role_are_answered_as_described(served: tuple[City, str], role: str) -> None:
    city, address = served
    city.asset("lamp")
    held = roles(city.catalog)
    key = city.key(*held[role], tenant_id="kl") if role else city.key(*(s for some in held.values() for s in some))
    tried, wrong = made_up(address, key, 2 if role else 4)
    assert tried > 40
    assert not wrong, "\n\n".join(wrong)


def made_up(address: str, key: dict[str, str], examples: int) -> tuple[int, list[str]]:
    """Send so many requests to each operation; returns how many operations there are, and what went wrong."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    wrong: list[str] = []
    tried = 0
    for found in schema.get_all_operations():
        if not isinstance(found, Ok):
            raise TypeError(found)
        operation = found.ok()
        if SKIPPED.search(operation.path):
            continue

        @given(case=operation.as_strategy())
        @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None, database=None)
        def check(case: Case[Any]) -> None:
            case.call_and_validate(headers=key, checks=CHECKS)

        tried += 1
        try:
            check()
        except BaseExceptionGroup as error:
            wrong.append(f"{operation.label}: {error}")
    return tried, wrong
