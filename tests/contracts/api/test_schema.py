"""Requests that schemathesis makes up from our own description: never a 5xx, answers as described."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, CheckFunction, load_all_checks
from schemathesis.core.result import Ok

from application.access.roles import role_scopes
from devices.kind_catalog import discover_kinds
from tests.contracts.api.conftest import City
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

SKIPPED = re.compile(r"^/(metrics|docs|readyz)|/stream$")
load_all_checks()
EACH_ANSWER: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
"""What every answer is held against, here and in the long form."""
LONG_ONLY: Final = (
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)
"""Needs many requests for one: a case for each rule of the description, or one request that goes on from another."""
LEFT_OUT: Final[Mapping[str, str]] = {
    "positive_data_acceptance": "a description cannot say which kinds, cursors and units there are: 422 is right then",
    "object_level_authorization": "wants two people who see apart: tests/contracts/api/test_matrix.py, test_oracles.py",
}
REFUSES: Final = (400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429)
"""412: a body that is not there is not looked at before the version that the caller holds."""


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
@pytest.mark.parametrize("role", ["", *sorted(role_scopes(discover_kinds()))])
def test_made_up_requests_of_each_role_are_answered_as_described(served: tuple[City, str], role: str) -> None:
    city, address = served
    city.asset("lamp")
    held = role_scopes(city.catalog)
    key = city.key(*held[role], tenant_id="kl") if role else city.key(*(s for some in held.values() for s in some))
    tried, wrong = made_up(address, key, 2 if role else 4)
    assert tried > 40
    assert not wrong, "\n\n".join(wrong)


def test_each_check_of_the_library_is_made_or_left_out_for_a_reason() -> None:
    assert {*EACH_ANSWER, *LONG_ONLY, *LEFT_OUT} == set(CHECKS.get_all_names())


def made_up(address: str, key: dict[str, str], examples: int) -> tuple[int, list[str]]:
    """Send so many requests to each operation, a third of them wrong; returns how many operations, and what failed."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    schema.config.checks.negative_data_rejection.expected_statuses = [str(status) for status in REFUSES]
    checks = cast("list[CheckFunction]", CHECKS.get_by_names(EACH_ANSWER))
    wrong: list[str] = []
    tried = 0
    for found in schema.get_all_operations():
        if not isinstance(found, Ok):
            raise TypeError(found)
        operation = found.ok()
        if SKIPPED.search(operation.path):
            continue

        right, wrongly = (operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

        @given(case=st.one_of(right, right, wrongly))
        @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None, database=None)
        def check(case: Case[Any]) -> None:
            case.call_and_validate(headers=key, checks=checks)

        tried += 1
        try:
            check()
        except BaseExceptionGroup as error:
            wrong.append(f"{operation.label}: {error}")
    return tried, wrong
