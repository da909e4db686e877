"""The clock of the machine jumps by an hour or a day: who is signed in, locked out or holds a link."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from application.access.roles import RoleGrant
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from tests.contracts.api.conftest import ADDRESS, NOW_US, City, Clock
from tests.contracts.api.people import OURS, PASSWORD, person, sign_in

ME = "/api/v1/me"
SIGN_IN = "/api/v1/login"
JUMPS = (-DAY_US, -HOUR_US, HOUR_US, DAY_US)


@pytest.fixture
def steady(city: City) -> tuple[City, Clock]:
    """The installation with a steady clock of its own beside the one that jumps."""
    ticking = Clock(5 * MINUTE_US)
    app = create_app(replace(city.services, steady_us=ticking), poll_s=0.02)
    return replace(city, client=TestClient(app, base_url=ADDRESS)), ticking


@pytest.mark.parametrize("jump_us", JUMPS)
def test_a_lock_lasts_its_minute_whatever_the_clock_says(steady: tuple[City, Clock], jump_us: int) -> None:
    city, ticking = steady
    person(city, "anna", RoleGrant("viewer", "kl"))
    browser = TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
    wrong, right = ({"name": "anna", "password": p} for p in ("wrong", PASSWORD))
    for _ in range(10):
        assert browser.post(SIGN_IN, json=wrong).status_code == 401
    city.clock.now_us += jump_us
    locked = browser.post(SIGN_IN, json=right)
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "60")
    ticking.now_us += MINUTE_US + SECOND_US
    assert browser.post(SIGN_IN, json=right).status_code == 200


@pytest.mark.parametrize(("jump_us", "status"), [(-DAY_US, 200), (-HOUR_US, 200), (HOUR_US, 200), (DAY_US, 401)])
def test_a_jump_signs_nobody_in_and_out_only_who_would_be_by_that_time(city: City, jump_us: int, status: int) -> None:
    person(city, "anna", RoleGrant("viewer", "kl"))
    browser = sign_in(city, "anna")
    city.clock.now_us += jump_us
    assert browser.get(ME).status_code == status
    city.clock.now_us = NOW_US
    assert browser.get(ME).status_code == 200, "what is set right again is as before"


@pytest.mark.parametrize("ahead_us", [2 * DAY_US, 3650 * DAY_US])
def test_a_session_from_a_clock_far_ahead_is_none(city: City, ahead_us: int) -> None:
    person(city, "anna", RoleGrant("viewer", "kl"))
    city.clock.now_us += ahead_us
    browser = sign_in(city, "anna")
    assert browser.get(ME).status_code == 200
    city.clock.now_us = NOW_US
    assert browser.get(ME).status_code == 401
    assert sign_in(city, "anna").get(ME).status_code == 200


@pytest.mark.parametrize("jump_us", JUMPS)
def test_a_link_works_once_before_and_after(city: City, jump_us: int) -> None:
    token = person(city, "anna", RoleGrant("viewer", "kl"))
    city.clock.now_us += jump_us
    browser = TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
    assert browser.post(SIGN_IN, json={"token": token}).status_code == 200
    city.clock.now_us = NOW_US
    assert browser.post(SIGN_IN, json={"token": token}).status_code == 401


@pytest.mark.parametrize("jump_us", JUMPS)
def test_a_key_ends_when_its_time_is_there(city: City, jump_us: int) -> None:
    headers = city.key("streetlight:read", tenant_id="kl", expires_us=NOW_US + 2 * HOUR_US)
    city.clock.now_us += jump_us
    assert city.client.get(ME, headers=headers).status_code == (401 if jump_us == DAY_US else 200)
