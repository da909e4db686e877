"""What is over opens nothing: expired and revoked keys, sessions that ended, people who were let go; on every route."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import pytest

from api.sessions import SessionLifetime
from application.access.roles import RoleGrant
from application.ports.api_keys import ApiKeys
from application.ports.users import UserRepository
from devices.time_us import MINUTE_US
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import OURS, person, sign_in

OPEN: Final = frozenset(
    {"/api/v1/login", "/api/v1/login/methods", "/api/v1/login/oidc", "/api/v1/login/oidc/callback", "/api/v1/logout"}
)


def _expired(city: City) -> Mapping[str, str]:
    headers = city.key("*", expires_us=NOW_US + MINUTE_US)
    city.clock.now_us += MINUTE_US
    return headers


def _revoked(city: City) -> Mapping[str, str]:
    headers = city.key("*")
    with city.registry.write() as tx:
        keys = tx.get(ApiKeys)
        for key in keys.all():
            keys.revoke(key.key_id, NOW_US)
    return headers


def _made_up(city: City) -> Mapping[str, str]:
    city.key("*")
    return {"Authorization": f"Bearer lk0000000000.{'0' * 43}"}


def _cookie(city: City) -> Mapping[str, str]:
    person(city, "anna", RoleGrant("admin"))
    return {"Cookie": "; ".join(f"{c.name}={c.value}" for c in sign_in(city, "anna").cookies.jar)}


def _idle(city: City) -> Mapping[str, str]:
    headers = _cookie(city)
    city.clock.now_us += SessionLifetime().idle_us + 1
    return headers


def _let_go(city: City) -> Mapping[str, str]:
    headers = _cookie(city)
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get("anna"), disabled_us=NOW_US))
    return headers


@pytest.mark.parametrize("over", [_expired, _revoked, _made_up, _idle, _let_go], ids=lambda over: over.__name__[1:])
def test_what_is_over_opens_nothing(city: City, over: Callable[[City], Mapping[str, str]]) -> None:
    city.asset("L01")
    headers = over(city)
    asked = 0
    for path, methods in city.client.get("/openapi.json").json()["paths"].items():
        if not path.startswith("/api/v1/") or path in OPEN:
            continue
        there = path.replace("{asset_id}", "L01").replace("{", "").replace("}", "")
        for method in {m.upper() for m in methods} & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            city.clock.now_us += MINUTE_US  # so that nobody is taken for one who guesses
            answer = city.client.request(method, there, headers={**OURS, **headers, "If-Match": "*"}, json={})
            assert answer.status_code == 401, (method, path, answer.status_code, answer.text[:300])
            asked += 1
    assert asked > 80
