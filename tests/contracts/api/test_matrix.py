"""Roles, routes, things, against a table written by hand: what is not yours is not there, no answer tells of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from application.access.roles import RoleGrant
from tests.contracts.api import role_matrix
from tests.contracts.api.conftest import ADDRESS, City
from tests.contracts.api.matrix_town import (
    INSIDE,
    OF_TOWNS,
    OTHER_TOWN,
    OTHERS,
    OWN,
    TOWN,
    Thing,
    body,
    fill,
    path_of,
)
from tests.contracts.api.people import person, sign_in
from tests.contracts.api.role_matrix import EVERYWHERE, PUBLIC, Row

METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
SAFE: Final = frozenset({"GET"})
ENDLESS: Final = frozenset({"/api/v1/stream"})
LIMITED: Final = " (limited)"
NOBODY: Final = "nobody"
RESTRICTED: Final = "fire_drone"
SEEN_BY_ITS_NUMBER: Final = frozenset({"/api/v1/devices/credentials"})
"""Names its things in the body: 422 for those that are not the caller's."""
NOTHING_YET: Final = frozenset(
    {"/api/v1/drones/{drone_id}/position", "/api/v1/login/oidc", "/api/v1/login/oidc/callback"}
)
"""404 here whoever asks: there is no position yet, and no provider."""
ON_RECORD: Final = frozenset(
    {"/readyz", "/api/v1/flights/{flight_id}/track", "/api/v1/users/{user_id}/export", "/api/v1/privacy/register"}
)
"""Reading these is on record, or tells that nothing can be put there."""
TELLS_IDS: Final = re.compile(r"x(?:inside|outside|node|fritz|other\d)")


def rows() -> tuple[Row, ...]:
    return role_matrix.rows()


def test_each_documented_route_has_a_row_and_each_row_a_route(city: City) -> None:
    documented = {
        (method.upper(), path)
        for path, methods in city.client.get("/openapi.json").json()["paths"].items()
        for method in methods.keys() & METHODS
    }
    listed = [(row.method, row.path) for row in rows()]
    assert len(listed) == len(set(listed)), "a route stands twice in the table"
    assert documented - set(listed) == set(), role_matrix.HOW_TO
    assert set(listed) - documented == set(), "these rows have no route any more: take them out"
    for row in rows():
        assert all(cell is not None for cell in row.cells.values()), row


def test_each_role_has_a_column(city: City) -> None:
    known = {role.removesuffix(LIMITED) for role in role_matrix.roles()} - {NOBODY}
    answered = city.client.get("/api/v1/roles", headers=city.key("*", "fire_drone:*", tenant_id="kl")).json()
    assert {role["role"] for role in answered["items"]} == known, "each role has a column in the table"


@pytest.fixture
def full(city: City) -> City:
    """The town with all its things."""
    fill(city)
    return city


def audit_away(city: City) -> None:
    """Nothing can be put on record any more, so that what is allowed changes nothing and answers 503."""
    _execute(city, "CREATE TRIGGER audit_away BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")


def _execute(city: City, statement: str) -> None:
    engine = create_engine(f"sqlite:///{city.registry._reader.url.database}")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("role", role_matrix.roles())
def test_a_role_gets_at_what_the_table_says_and_at_nothing_else(full: City, role: str) -> None:
    assert asked_for(full, role) > 100


def asked_for(full: City, role: str) -> int:
    """Ask for each thing by each route as somebody of the role; raises on what the table does not say."""
    limits = frozenset({f"group/g-{INSIDE.mark}"}) if role.endswith(LIMITED) else frozenset()
    grants = [] if role == NOBODY else [RoleGrant(role.removesuffix(LIMITED), "kl", limits)]
    person(full, "somebody", *grants)
    browser = sign_in(full, "somebody")
    audit_away(full)
    wrong = []
    asked = 0
    for row in rows():
        if row.path in ENDLESS:
            continue
        for thing in _things(row, role):
            asked += 1
            answer = _ask(browser, row, thing)
            expected = row.status(role, None if thing in OTHERS or thing is OTHER_TOWN else thing.letter)
            told = _told(row, thing, role, answer)
            if not _agrees(row, expected, answer.status_code):
                wrong.append(f"{row.method} {_path(row, thing)}: {answer.status_code}, {expected} in the table {told}")
            if told:
                wrong.append(f"{row.method} {_path(row, thing)} tells {role} of {told}")
    assert not wrong, "\n".join(wrong)
    return asked


def _things(row: Row, role: str) -> tuple[Thing, ...]:
    if row.parameter is None:
        return (Thing("+", INSIDE.mark, INSIDE.kind),)
    if row.parameter in OF_TOWNS:
        return TOWN, OTHER_TOWN
    if row.cells[role] == "-":
        return OWN[:2]
    seen = [thing for thing in OTHERS if thing.letter in row.granted(role)]
    return (*OWN, *(seen or OTHERS[:1]))


def _path(row: Row, thing: Thing) -> str:
    return path_of(row.path, thing)


def _ask(browser: TestClient, row: Row, thing: Thing, headers: Mapping[str, str] | None = None) -> Any:
    sent = body(row.method, row.path, thing)
    sent["headers"] = {"If-Match": '"1"', **sent.get("headers", {}), **(headers or {})}
    return browser.request(row.method, _path(row, thing), follow_redirects=False, **sent)


def _agrees(row: Row, expected: int, status: int) -> bool:
    if expected == 200:
        if row.path in NOTHING_YET:
            return status == 404
        if row.path == "/api/v1/login":
            return status == 401
        refused = {409, 412, 422, 503} if row.method not in SAFE else {503} if row.path in ON_RECORD else set()
        return status < 400 or status in refused
    return status == expected or (expected == 404 and row.path in SEEN_BY_ITS_NUMBER and status == 422)


def _told(row: Row, thing: Thing, role: str, answer: Any) -> list[str]:
    """Marks in an answer of things that the role does not see; what was asked for by its name is no news."""
    if answer.status_code >= 400:
        shown = answer.text.replace(thing.mark, "")
    elif row.path.startswith("/api/v1/audit"):
        return []
    else:
        shown = answer.text
    device = next(r for r in rows() if (r.method, r.path) == ("GET", "/api/v1/devices/{asset_id}"))
    seen = {t.mark for t in OWN if t.letter in device.granted(role)}
    return sorted(set(TELLS_IDS.findall(shown)) - seen)


def test_without_anybody_signed_in_only_what_is_public_answers(full: City) -> None:
    audit_away(full)
    for row in rows():
        if row.path in ENDLESS:
            continue
        answer = _ask(full.client, row, INSIDE, {"Origin": ADDRESS})
        let_in = row.needs == PUBLIC and row.path != "/api/v1/login"
        assert (answer.status_code != 401) == let_in, (row, answer.status_code, answer.text)
    assert full.client.get("/api/v1/stream").status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {}])
def test_no_other_site_makes_a_browser_change_anything(full: City, headers: dict[str, str]) -> None:
    person(full, "somebody", RoleGrant("admin", None))
    cookies = dict(sign_in(full, "somebody").cookies)
    audit_away(full)
    stranger = TestClient(full.client.app, base_url=ADDRESS, cookies=cookies, headers={"Sec-Fetch-Site": "cross-site"})
    for row in rows():
        if row.method not in SAFE:
            answer = _ask(stranger, row, INSIDE, headers)
            assert answer.status_code == 403, (row.method, row.path, answer.status_code, answer.text)
            assert "another site" in answer.json()["detail"] + answer.json()["title"]


def test_a_key_without_the_scope_of_a_route_gets_nowhere_and_with_it_alone_in(full: City) -> None:
    """Every other scope of the table does not open the route; its own does, with the right to read the thing."""
    cases = [(row, letter, scope) for row in rows() for letter, scope in row.scopes().items()]
    kinds = {kind.name for kind in full.catalog.values() if not kind.internal}
    every = {scope for _, _, scope in cases} | {f"{kind}:read" for kind in kinds}
    without: dict[str, Mapping[str, str]] = {}
    alone: dict[str, Mapping[str, str]] = {}
    for scope in {scope for _, _, scope in cases}:
        town = None if scope.startswith(EVERYWHERE) else "kl"
        others = {s.removeprefix(EVERYWHERE) for s in every} - {scope.removeprefix(EVERYWHERE)}
        own = {scope.removeprefix(EVERYWHERE), *(f"{kind}:read" for kind in kinds)}
        without[scope] = full.key(*others, tenant_id=town, name=f"without {scope}")
        alone[scope] = full.key(*own, tenant_id=town, name=f"only {scope}")
    audit_away(full)
    wrong = []
    for row, letter, scope in cases:
        thing = _thing_for(row, letter)
        shut = _ask(full.client, row, thing, without[scope]).status_code
        if shut not in ({403, 404} if scope.startswith(RESTRICTED) or scope.endswith(":read") else {403}):
            wrong.append(f"{row.method} {row.path} answers {shut} without {scope}")
        open_ = _ask(full.client, row, thing, alone[scope]).status_code
        if not _agrees(row, 200, open_):
            wrong.append(f"{row.method} {row.path} answers {open_} with {scope}")
    assert not wrong, "\n".join(wrong)


def _thing_for(row: Row, letter: str) -> Thing:
    if row.parameter is None:
        return Thing("+", INSIDE.mark, INSIDE.kind)
    if row.parameter in OF_TOWNS:
        return TOWN
    letters = row.granted("admin") + row.granted("drone_leader") if letter == "*" else letter
    return next(thing for thing in OWN if thing.letter in letters)
