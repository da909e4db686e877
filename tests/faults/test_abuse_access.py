"""A06, A07, A08, A12: people and programs that want what is not theirs, at the API."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx2
import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.login_throttle import MOST_A_MINUTE
from application.access.roles import RoleGrant
from tests.contracts.api import oracles, role_matrix, test_matrix
from tests.contracts.api.conftest import City, catalog, city, migrated, open_city
from tests.contracts.api.matrix_town import INSIDE, body, fill, path_of
from tests.contracts.api.people import PASSWORD, person
from tests.contracts.api.test_hostile_provider import CLAIMS, TOKENS, Hostile, browser, hostile, tries
from tests.faults.conftest import Report
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

__all__ = ["browser", "catalog", "city", "hostile", "migrated", "open_city"]
pytestmark = pytest.mark.timeout(600)
LONG: Final = bool(os.environ.get("LAUTERN_TEST_LONG"))
PARTS: Final = "api-sqlite"
INJECTED: Final = (
    "' OR '1'='1", "'; DROP TABLE assets; --", '") |> drop()', "${jndi:ldap://127.0.0.1:9/x}", "{{7*7}}", "(a+)+$",
    "../../etc/passwd", "%2e%2e%2fetc", "%00", "a%0d%0aSet-Cookie: x=y", "\ud7ff\uffff", "=cmd|' /C calc'!A0", "%", "_",
    "*", "\\",
)  # fmt: skip


@pytest.mark.parametrize("role", role_matrix.roles() if LONG else ["viewer (limited)"])
def test_no_role_gets_at_what_the_table_does_not_grant(city: City, role: str, report: Report) -> None:
    fill(city)
    granted = test_matrix.asked_for(city, role)
    what = f"{len(role_matrix.rows())} routes for things of one's own and of others, as {role}"
    report("A06", what, PARTS, requests=granted, beyond_the_table=0)


def test_no_path_tells_what_is_hidden_from_what_is_not_there(city: City, report: Report) -> None:
    asked = oracles.compare_paths(city)
    report("A06", "each route with an id in its path: another town's, a hidden kind's, none", PARTS, compared=asked)
    assert asked > 300


def test_no_field_tells_what_is_hidden_from_what_is_not_there_or_taken(city: City, report: Report) -> None:
    asked = oracles.compare_fields(city)
    report("A06", "each field and filter that takes an id: another town's, a hidden kind's, none, taken", PARTS,
           compared=asked)  # fmt: skip
    assert asked > 100


@pytest.fixture
def served(open_city: Callable[[], City]) -> Iterator[tuple[City, str]]:
    """The API on a socket of its own."""
    opened = open_city()
    port = claim_port()
    server = uvicorn.Server(uvicorn.Config(opened.client.app, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield opened, f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def test_guesses_of_passwords_and_keys_end_at_once_and_shut_out_nobody_else(
    served: tuple[City, str], report: Report
) -> None:
    town, address = served
    person(town, "anna", RoleGrant("viewer", "kl"))
    key = town.key("*", tenant_id="kl")
    number, parallel = (10_000, 100) if LONG else (400, 40)
    strange = httpx2.HTTPTransport(local_address="127.0.0.2")
    with httpx2.Client(base_url=address, headers={"Origin": address}, transport=strange, timeout=60) as thief:

        def guess(n: int) -> tuple[str, int]:
            if n % 2:
                guessed = {"name": "anna" if n % 4 == 1 else f"no-{n}", "password": f"guess number {n}"}
                return "password", thief.post("/api/v1/login", json=guessed).status_code
            secret = {"X-API-Key": f"{'p0' if n % 4 else f'lk{n:010}'}.{'x' * 43}"}
            return "key", thief.get("/api/v1/devices", headers=secret).status_code

        with ThreadPoolExecutor(parallel) as pool:
            found = Counter(pool.map(guess, range(number)))
    with httpx2.Client(base_url=address, headers={"Origin": address}, timeout=20) as owner:
        mine = owner.get("/api/v1/devices", headers=key).status_code
        # The account itself is locked for strangers for the rest of the minute; its owner comes in after that.
        town.clock.now_us += 61_000_000
        in_ = owner.post("/api/v1/login", json={"name": "anna", "password": PASSWORD}).status_code
    assert {status for _, status in found} == {401, 429}, found
    assert found["password", 401] <= MOST_A_MINUTE, found
    assert found["key", 401] <= MOST_A_MINUTE, found
    assert (mine, in_) == (200, 200)
    report("A07", f"{number} guesses of passwords and keys, {parallel} at a time", PARTS, let_in=0,
           answered_429=found["password", 429] + found["key", 429])  # fmt: skip


def test_text_that_would_be_code_elsewhere_is_data_in_every_parameter(city: City, report: Report) -> None:
    fill(city)
    key = city.key("*", "fire_drone:*", tenant_id="kl")
    before = _rows(city)
    asked = 0
    for method, path, parameters in _parameters(city.client):
        for number, (name, where) in enumerate(parameters, asked):
            for text in INJECTED if LONG else (INJECTED * 2)[number % len(INJECTED) :][:4]:
                answer = _ask(city.client, key, (method, path), (name, where), text)
                asked += 1
                told = (method, path, name, text, answer.status_code, answer.text[:200])
                assert answer.status_code < 500 or "no position" in answer.text, told
                assert "set-cookie" not in answer.headers, told
                assert "root:" not in answer.text, told
                assert "Traceback" not in answer.text, told
    assert _rows(city) == before
    assert asked > 300
    report(
        "A08",
        f"{len(INJECTED)} injected texts in every text parameter of every reading route",
        PARTS,
        requests=asked,
        broke=0,
    )


def _parameters(client: TestClient) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        described = methods.get("get")
        if described is None or path.endswith("/stream") or path == "/metrics":
            continue
        found = [
            (p["name"], p["in"])
            for p in described.get("parameters", [])
            if p["in"] in {"path", "query"} and _text(p["schema"])
        ]
        if found:
            yield "GET", path, found


def _text(schema: dict[str, Any]) -> bool:
    return any(s.get("type") == "string" for s in (schema, *schema.get("anyOf", ())))


def _ask(client: TestClient, key: dict[str, str], route: tuple[str, str], parameter: tuple[str, str], text: str) -> Any:
    method, path = route
    name, where = parameter
    sent = body(method, path, INSIDE)
    if where == "path":
        path = path.replace(
            f"{{{name}}}", httpx2.URL("http://x/").copy_with(path=f"/{text}").raw_path.decode()[1:] or "x"
        )
    else:
        sent["params"] = {**sent.get("params", {}), name: text}
    return client.request(method, path_of(path, INSIDE), headers=key, follow_redirects=False, **sent)


def _rows(town: City) -> int:
    with town.registry._reader.connect() as connection:
        return len(list(connection.exec_driver_sql("SELECT asset_id FROM assets")))


def test_a_provider_that_lies_lets_nobody_in(browser: TestClient, hostile: Hostile, report: Report) -> None:
    refused = 0
    for claims in CLAIMS.values():
        hostile.claims = claims
        refused += tries(browser, hostile).startswith("/sign-in?error=")
    hostile.claims = {}
    for token in TOKENS.values():
        hostile.token = token
        refused += tries(browser, hostile).startswith("/sign-in?error=")
    assert refused == len(CLAIMS) + len(TOKENS)
    assert browser.get("/api/v1/me").status_code == 401
    hostile.token = None
    assert tries(browser, hostile) == "/"
    report("A12", f"{len(CLAIMS)} false claims, {len(TOKENS)} false tokens of an OpenID provider", PARTS, let_in=0)
