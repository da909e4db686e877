"""Signing in at a real OpenID provider."""

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from api.application import create_app
from api.oidc import OpenIdProvider
from application.access.roles import RoleGrant
from application.ports.users import UserRepository
from tests.contracts.api.conftest import ADDRESS, City
from tests.contracts.api.people import person, towns
from tests.real_parts.openid import CLIENT_ID, CLIENT_SECRET

START = "/api/v1/login/oidc"
Opened = Callable[..., TestClient]


@pytest.fixture
def opened(city: City, openid_provider: str) -> Opened:
    """Opens a browser on a town whose people sign in at the provider; `anna` is one of them."""
    towns(city, "kl")
    person(city, "anna", RoleGrant("viewer", "kl"), password=False)
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get("anna"), email="Anna@example.org"))

    def browser(**fields: object) -> TestClient:
        known = {"issuer": openid_provider, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "label": "Town"}
        provider = OpenIdProvider(**{**known, **fields})  # type: ignore[arg-type]
        app = create_app(replace(city.services, single_sign_on=provider), poll_s=0.02)
        return TestClient(app, base_url=ADDRESS, follow_redirects=False)

    return browser


def _at_the_provider(begin: str, name: str) -> str:
    """Sign in there as people do; returns the address that the browser is sent back to."""
    with Client(follow_redirects=False, timeout=20) as web:
        url = begin
        for _ in range(12):
            answer = web.get(url)
            while answer.is_redirect:
                url = urljoin(url, answer.headers["location"])
                if url.startswith(ADDRESS):
                    return url
                answer = web.get(url)
            action = re.search(r'action="([^"]+)"', answer.text)
            assert action is not None, answer.text
            prompt = "login" if 'name="login"' in answer.text else "consent"
            form = {"prompt": prompt, "login": name, "password": "any"}
            answer = web.post(urljoin(url, action[1]), data=form)
            url = urljoin(url, answer.headers["location"])
            if url.startswith(ADDRESS):
                return url
    raise AssertionError(begin)


def _tries(browser: TestClient, name: str) -> str:
    begun = browser.get(START)
    assert begun.status_code == 303
    return str(browser.get(_at_the_provider(begun.headers["location"], name)).headers["location"])


def test_who_is_known_by_his_verified_address_gets_in_and_stays_known(opened: Opened, openid_provider: str) -> None:
    browser = opened(trusts_email=True)
    assert browser.get("/api/v1/login/methods").json() == {"password": True, "oidc": "Town"}
    assert _tries(browser, "anna") == "/"
    me = browser.get("/api/v1/me").json()
    assert (me["actor"], me["must_set_password"]) == ("user:anna", False)
    again = opened(trusts_email=False)
    assert _tries(again, "anna") == "/"
    assert again.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(("name", "trusts_email"), [("anna", False), ("nobody", True), ("unverified-anna", True)])
def test_who_is_not_known_here_stays_out(opened: Opened, city: City, name: str, trusts_email: bool) -> None:  # noqa: FBT001
    with city.registry.write() as tx:
        users = tx.get(UserRepository)
        person_ = users.get("anna")
        if name != "anna":
            users.change(replace(person_, email=f"{name.removeprefix('nobody')}@example.org"))
    browser = opened(trusts_email=trusts_email)
    assert _tries(browser, name) == "/sign-in?error=unknown"
    assert browser.get("/api/v1/me").status_code == 401


def test_an_answer_that_belongs_to_another_sign_in_is_refused(opened: Opened) -> None:
    victim, thief = opened(trusts_email=True), opened(trusts_email=True)
    victim.get(START)
    back = _at_the_provider(thief.get(START).headers["location"], "anna")
    assert victim.get(back).headers["location"] == "/sign-in?error=refused"
    own_state = parse_qs(urlsplit(victim.get(START).headers["location"]).query)["state"][0]
    mixed = re.sub(r"state=[^&]+", f"state={own_state}", back)
    assert victim.get(mixed).headers["location"] == "/sign-in?error=refused"
    assert victim.get("/api/v1/me").status_code == 401
    assert (
        TestClient(victim.app, base_url=ADDRESS, follow_redirects=False).get(back).headers["location"]
        == "/sign-in?error=refused"
    )


def test_a_code_works_once(opened: Opened) -> None:
    browser = opened(trusts_email=True)
    begun = browser.get(START)
    kept = dict(browser.cookies)
    back = _at_the_provider(begun.headers["location"], "anna")
    assert browser.get(back).headers["location"] == "/"
    again = TestClient(browser.app, base_url=ADDRESS, follow_redirects=False, cookies=kept)
    assert again.get(back).headers["location"] == "/sign-in?error=refused"


@pytest.mark.parametrize("fields", [{"client_secret": "wrong"}, {"client_id": "stranger"}])
def test_a_provider_that_does_not_know_us_lets_nobody_in(opened: Opened, fields: dict[str, str]) -> None:
    right = opened(trusts_email=True)
    wrong = opened(trusts_email=True, **fields)
    begun = right.get(START)
    back = _at_the_provider(begun.headers["location"], "anna")
    wrong.cookies.update(right.cookies)
    assert wrong.get(back).headers["location"] == "/sign-in?error=refused"


def test_without_an_answer_people_are_told(opened: Opened) -> None:
    browser = opened(issuer="http://127.0.0.1:9")
    assert browser.get(START).headers["location"] == "/sign-in?error=unavailable"
