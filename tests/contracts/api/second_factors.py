"""What somebody does with second factors, and what an administrator does about them, as a walk over the routes."""

from application.access.roles import RoleGrant
from devices.time_us import MINUTE_US
from tests.contracts.api.authenticator import Authenticator
from tests.contracts.api.conftest import ADDRESS
from tests.contracts.api.people import person, sign_in
from tests.contracts.api.test_second_factor import MINE, STEP, App
from tests.contracts.api.walk import Walk


def second_factors(walk: Walk) -> None:
    """Enrol both ways, prove both ways, renew, remove, be reset."""
    city = walk.city
    person(city, "vera", RoleGrant("viewer", "kl"))
    browser = sign_in(city, "vera")
    app = App(browser.post(f"{MINE}/app").json())
    shown = {"code": app.code(city.clock.now_us)}
    walk("POST /me/second-factors/app/confirm", shown, browser=browser)
    key = Authenticator(ADDRESS, "localhost")
    made = {"passkey": key.make(browser.post(f"{MINE}/passkey-options").json())}
    walk("POST /me/second-factors/passkeys", made, browser=browser)
    walk("POST /me/recovery-codes", browser=browser)
    again = sign_in(city, "vera")
    city.clock.now_us += MINUTE_US
    walk("POST /login/second-factor", {"code": app.code(city.clock.now_us)}, browser=again)
    third = sign_in(city, "vera")
    signed = {"passkey": key.sign(third.post(f"{STEP}/passkey").json())}
    walk("POST /login/second-factor", signed, browser=third)
    first = third.get(MINE).json()["items"][0]["id"]
    walk("DELETE /me/second-factors/{factor_id}", browser=third, factor_id=first)
    walk("DELETE /users/{user_id}/second-factors", user_id="vera")
