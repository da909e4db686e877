"""People who sign in, for tests."""

from fastapi.testclient import TestClient

from api.passwords import hash_password
from application.access.roles import RoleGrant
from application.access.sign_in_links import new_link
from application.ports.users import User, UserRepository
from tests.contracts.api.conftest import ADDRESS, NOW_US, City

PASSWORD = "correct horse battery"
OURS = {"Origin": ADDRESS}
_HASH = hash_password(PASSWORD, "nobody-of-that-name")


def towns(city: City, *tenant_ids: str) -> None:
    """Take towns in."""
    city.town(*tenant_ids)


def person(city: City, user_id: str, *grants: RoleGrant, password: bool = True) -> str:
    """Let somebody in; returns the token of a link that works once."""
    with city.registry.write() as tx:
        stored = _HASH if password else None
        tx.get(UserRepository).add(User(user_id, user_id.title(), NOW_US, grants, password_hash=stored))
        return new_link(tx, user_id, NOW_US)


def sign_in(city: City, user_id: str, password: str = PASSWORD) -> TestClient:
    """A browser in which somebody is signed in."""
    browser = TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
    answer = browser.post("/api/v1/login", json={"name": user_id, "password": password})
    assert answer.status_code == 200, answer.text
    return browser
