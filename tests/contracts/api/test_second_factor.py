"""The second step of signing in: who must, what proves it, what does not, and who may take it away."""

import base64
from dataclasses import replace
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fastapi.testclient import TestClient

from api.application import create_app
from api.limits import ApiLimits
from application.access.roles import RoleGrant
from application.access.second_factor import FREE_TRIES, SecondFactorPolicy
from application.ports.second_factors import SecondFactors
from application.ports.users import UserRepository
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from storage.secret_box import AesSecretBox
from tests.contracts.api.conftest import ADDRESS, NOW_US, City
from tests.contracts.api.people import OURS, person, sign_in

V1: Final = "/api/v1"
SIGN_IN: Final = f"{V1}/login"
STEP: Final = f"{V1}/login/second-factor"
MINE: Final = f"{V1}/me/second-factors"
ADMIN: Final = RoleGrant("admin", "kl")
LEADER: Final = RoleGrant("drone_leader", "kl")
VIEWER: Final = RoleGrant("viewer", "kl")
BODIES: Final[dict[str, Any]] = {"/app/confirm": {"code": "000000"}, "/passkeys": {"passkey": {}}}


@pytest.fixture
def strict(city: City) -> City:
    """The same installation where those who lead must have a second factor."""
    app = create_app(replace(city.services, second_factor=SecondFactorPolicy.REQUIRED), poll_s=0.02)
    return replace(city, client=TestClient(app, base_url=ADDRESS))


class App:
    """An authenticator app."""

    def __init__(self, made: dict[str, Any]) -> None:
        self._totp = TOTP(base64.b32decode(made["secret"]), 6, SHA1(), 30)

    def code(self, at_us: int) -> str:
        """What it shows at a time."""
        return self._totp.generate(at_us / SECOND_US).decode()


def enrolled(city: City, browser: TestClient) -> tuple[App, list[str]]:
    """Enrol an app; returns it and the recovery codes."""
    made = browser.post(f"{MINE}/app")
    assert made.status_code == 201, made.text
    app = App(made.json())
    done = browser.post(f"{MINE}/app/confirm", json={"code": app.code(city.clock.now_us)})
    assert done.status_code == 201, done.text
    return app, done.json()["recovery_codes"]


def later(city: City, us: int = MINUTE_US) -> int:
    """Let time pass; returns what the clock then says."""
    city.clock.now_us += us
    return city.clock.now_us


@pytest.mark.parametrize(
    ("grants", "step"),
    [
        ([ADMIN], "enrol"),
        ([LEADER], "enrol"),
        ([VIEWER, RoleGrant("admin", "zw")], "enrol"),
        ([VIEWER], None),
        ([RoleGrant("light_operator", "kl"), RoleGrant("event_manager", "kl"), RoleGrant("drone_pilot", "kl")], None),
    ],
    ids=["admin", "leader", "admin elsewhere", "viewer", "operators"],
)
def test_who_lets_others_in_must_enrol_and_nobody_else(strict: City, grants: list[RoleGrant], step: str | None) -> None:
    strict.town("zw")
    person(strict, "anna", *grants)
    assert sign_in(strict, "anna").get(f"{V1}/me").json()["second_step"] == step


def test_where_it_is_only_offered_nobody_must(city: City) -> None:
    person(city, "anna", ADMIN)
    assert sign_in(city, "anna").get(f"{V1}/me").json()["second_step"] is None


def test_the_first_administrator_gets_in_by_his_link_enrols_and_sets_a_password(strict: City) -> None:
    token = person(strict, "admin", RoleGrant("admin"), password=False)
    browser = TestClient(strict.client.app, base_url=ADDRESS, headers=OURS)
    me = browser.post(SIGN_IN, json={"token": token}).json()
    assert (me["second_step"], me["must_set_password"], me["scopes"], me["tenants"]) == ("enrol", True, [], [])
    assert browser.post(f"{V1}/me/password", json={"new": "another good one"}).status_code == 403
    app, codes = enrolled(strict, browser)
    assert len(set(codes)) == 10
    assert browser.get(f"{V1}/me").json()["scopes"] == ["*"]
    assert browser.post(f"{V1}/me/password", json={"new": "another good one"}).status_code == 204
    again = sign_in(strict, "admin", "another good one")
    assert again.post(STEP, json={"code": app.code(later(strict))}).json()["scopes"] == ["*"]


@pytest.mark.parametrize("owes", ["prove", "enrol"])
def test_a_session_after_the_password_alone_reaches_the_second_step_and_nothing_else(strict: City, owes: str) -> None:
    person(strict, "anna", ADMIN)
    browser = sign_in(strict, "anna")
    if owes == "prove":
        enrolled(strict, browser)
        browser = sign_in(strict, "anna")
    paths = strict.client.get("/openapi.json").json()["paths"]
    reached = []
    for path, methods in paths.items():
        if not path.startswith(V1) or path.startswith((f"{V1}/login", f"{V1}/logout", f"{V1}/stream")):
            continue
        for method in methods.keys() & {"get", "post", "put", "patch", "delete"}:
            body = BODIES.get(path.removeprefix(MINE), {})
            answer = browser.request(method, path.replace("{", "").replace("}", ""), json=body)
            if answer.status_code != 403:
                reached.append((method, path, answer.status_code))
    allowed = {("get", f"{V1}/me")}
    if owes == "enrol":
        allowed |= {("post", f"{MINE}/{end}") for end in ("app", "app/confirm", "passkey-options", "passkeys")}
    assert {(method, path) for method, path, _ in reached} <= allowed, reached
    assert browser.get(f"{V1}/me").json()["scopes"] == []
    assert browser.get(f"{V1}/stream").status_code == 403
    assert browser.post(f"{V1}/logout").status_code == 204


def test_keys_are_not_asked(strict: City) -> None:
    headers = strict.key("*", tenant_id="kl")
    assert strict.client.get(f"{V1}/users", headers=headers).status_code == 200
    assert strict.client.get(MINE, headers=headers).status_code == 401


def test_who_enrolled_one_is_asked_even_where_it_is_only_offered(city: City) -> None:
    person(city, "vera", VIEWER)
    first = sign_in(city, "vera")
    other = sign_in(city, "vera")
    app, _ = enrolled(city, first)
    assert first.get(f"{V1}/devices").status_code == 200
    assert other.get(f"{V1}/devices").status_code == 403
    assert other.get(f"{V1}/devices").json()["type"] == "urn:lautern:problem:second_factor_needed"
    assert other.post(STEP, json={"code": app.code(later(city))}).status_code == 200
    assert other.get(f"{V1}/devices").status_code == 200


def test_the_cookie_of_before_is_worth_nothing_after(city: City) -> None:
    person(city, "vera", VIEWER)
    browser = sign_in(city, "vera")
    app, _ = enrolled(city, browser)
    half = sign_in(city, "vera")
    stolen = TestClient(city.client.app, base_url=ADDRESS, headers=OURS, cookies=dict(half.cookies))
    assert half.post(STEP, json={"code": app.code(later(city))}).status_code == 200
    assert stolen.get(f"{V1}/me").status_code == 401


def test_a_code_works_once(city: City) -> None:
    person(city, "vera", VIEWER)
    app, _ = enrolled(city, sign_in(city, "vera"))
    code = app.code(later(city))
    first, second = sign_in(city, "vera"), sign_in(city, "vera")
    assert first.post(STEP, json={"code": code}).status_code == 200
    assert second.post(STEP, json={"code": code}).status_code == 422
    assert second.post(STEP, json={"code": app.code(later(city, -30 * SECOND_US))}).status_code == 422
    assert second.get(f"{V1}/devices").status_code == 403


@pytest.mark.parametrize(("off_s", "status"), [(-60, 422), (-30, 200), (30, 200), (60, 422)])
def test_a_clock_may_be_half_a_minute_off(city: City, off_s: int, status: int) -> None:
    person(city, "vera", VIEWER)
    app, _ = enrolled(city, sign_in(city, "vera"))
    code = app.code(later(city, 5 * MINUTE_US) + off_s * SECOND_US)
    assert sign_in(city, "vera").post(STEP, json={"code": code}).status_code == status


def test_guesses_are_slowed_for_all_sessions_and_a_recovery_code_still_lets_in(city: City) -> None:
    person(city, "vera", VIEWER)
    app, codes = enrolled(city, sign_in(city, "vera"))
    now_us = later(city)
    right = app.code(now_us)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(FREE_TRIES):
        assert sign_in(city, "vera").post(STEP, json={"code": wrong}).status_code == 422
    waiting = sign_in(city, "vera").post(STEP, json={"code": right})
    assert waiting.status_code == 429
    assert waiting.headers["Retry-After"] == "30"
    assert sign_in(city, "vera").post(STEP, json={"recovery_code": codes[0]}).status_code == 200


def test_a_guess_that_came_at_once_with_others_is_slowed_like_them(city: City) -> None:
    person(city, "vera", VIEWER)
    waits = []
    for number in range(2 * FREE_TRIES):
        with city.registry.write() as tx:
            waits.append(tx.get(SecondFactors).begin_try("vera", NOW_US - number * SECOND_US))
    assert all(wait == 0 for wait in waits[:FREE_TRIES])
    assert all(wait > 0 for wait in waits[FREE_TRIES:]), waits


def test_no_day_has_room_for_more_than_a_hundred_guesses(city: City) -> None:
    person(city, "vera", VIEWER)
    tries = 0
    end_us = NOW_US + DAY_US
    while city.clock.now_us < end_us:
        with city.registry.write() as tx:
            wait_us = tx.get(SecondFactors).begin_try("vera", city.clock.now_us)
        tries += not wait_us
        later(city, max(wait_us, SECOND_US))
    assert tries < 110


@pytest.mark.parametrize("jump_us", [HOUR_US, -HOUR_US, DAY_US, -DAY_US])
def test_a_clock_that_jumps_keeps_nobody_out(city: City, jump_us: int) -> None:
    person(city, "vera", VIEWER)
    app, _ = enrolled(city, sign_in(city, "vera"))
    code = app.code(later(city))
    assert sign_in(city, "vera").post(STEP, json={"code": code}).status_code == 200
    for _ in range(FREE_TRIES + 3):
        with city.registry.write() as tx:
            tx.get(SecondFactors).begin_try("vera", city.clock.now_us)
    later(city, jump_us)
    sign_in(city, "vera").post(STEP, json={"code": app.code(city.clock.now_us)})
    later(city, 15 * MINUTE_US)
    assert sign_in(city, "vera").post(STEP, json={"code": app.code(city.clock.now_us)}).status_code == 200


def test_a_recovery_code_works_once_however_it_is_typed(city: City) -> None:
    person(city, "vera", VIEWER)
    _, codes = enrolled(city, sign_in(city, "vera"))
    assert sign_in(city, "vera").post(STEP, json={"recovery_code": codes[0].upper().replace("-", " ")}).is_success
    assert sign_in(city, "vera").post(STEP, json={"recovery_code": codes[0]}).status_code == 422
    person(city, "erik", VIEWER)
    enrolled(city, sign_in(city, "erik"))
    assert sign_in(city, "erik").post(STEP, json={"recovery_code": codes[1]}).status_code == 422


def test_nothing_is_kept_in_clear(city: City) -> None:
    person(city, "vera", VIEWER)
    browser = sign_in(city, "vera")
    made = browser.post(f"{MINE}/app").json()
    done = browser.post(f"{MINE}/app/confirm", json={"code": App(made).code(NOW_US)}).json()
    with city.registry.read() as tx:
        (factor,) = tx.get(SecondFactors).of_user("vera")
    assert base64.b32decode(made["secret"]) not in factor.proof
    assert done["recovery_codes"][0] not in str(factor)
    told = city.client.get(f"{V1}/audit", headers=city.key("audit:read")).text
    for secret in (made["secret"], *done["recovery_codes"]):
        assert secret not in told


def test_without_the_key_codes_are_wrong_and_recovery_codes_still_let_in(city: City) -> None:
    person(city, "vera", VIEWER)
    app, codes = enrolled(city, sign_in(city, "vera"))
    other = create_app(replace(city.services, secret_box=AesSecretBox(bytes(range(32)))), poll_s=0.02)
    browser = sign_in(replace(city, client=TestClient(other, base_url=ADDRESS)), "vera")
    assert browser.post(STEP, json={"code": app.code(later(city))}).status_code == 422
    assert browser.post(STEP, json={"recovery_code": codes[0]}).status_code == 200


def test_what_happens_is_on_record(city: City) -> None:
    person(city, "vera", VIEWER)
    browser = sign_in(city, "vera")
    app, codes = enrolled(city, browser)
    sign_in(city, "vera").post(STEP, json={"code": app.code(later(city))})
    sign_in(city, "vera").post(STEP, json={"recovery_code": codes[3]})
    sign_in(city, "vera").post(STEP, json={"recovery_code": "wrong-wrong-wrong"})
    noted = [refused for refused, _, _ in city.client.app.state.refusals.drain(NOW_US)]  # type: ignore[attr-defined]
    assert ("second_factor.prove", "user/vera", "wrong", "user:vera") in [
        (r.action, r.object, r.result, r.actor) for r in noted
    ]
    items = city.client.get(f"{V1}/audit", headers=city.key("audit:read")).json()["items"]
    said = [(e["action"], e["detail"]) for e in items if e["action"].startswith("second_factor")]
    assert said == [
        ("second_factor.prove", {"by": "recovery", "left": 9}),
        ("second_factor.prove", {"by": "totp"}),
        ("second_factor.enrol", {"method": "totp", "name": "App"}),
    ]


def test_the_last_one_that_a_role_needs_stays_and_others_go_only_after_a_fresh_proof(strict: City) -> None:
    person(strict, "anna", ADMIN)
    browser = sign_in(strict, "anna")
    app, _ = enrolled(strict, browser)
    (only,) = browser.get(MINE).json()["items"]
    assert browser.delete(f"{MINE}/{only['id']}").status_code == 409
    later(strict)
    enrolled(strict, browser)
    later(strict, 16 * MINUTE_US)
    old = browser.delete(f"{MINE}/{only['id']}")
    assert (old.status_code, old.json()["type"]) == (403, "urn:lautern:problem:proof_too_old")
    assert browser.post(f"{V1}/me/recovery-codes").status_code == 403
    assert browser.post(f"{MINE}/app").status_code == 403
    assert browser.post(STEP, json={"code": app.code(strict.clock.now_us)}).status_code == 200
    assert browser.delete(f"{MINE}/{only['id']}").status_code == 204
    assert len(browser.get(MINE).json()["items"]) == 1


def test_another_administrator_resets_it_and_nobody_his_own(strict: City) -> None:
    for name in ("anna", "berta"):
        person(strict, name, ADMIN)
    anna, berta = sign_in(strict, "anna"), sign_in(strict, "berta")
    enrolled(strict, anna)
    enrolled(strict, berta)
    assert anna.delete(f"{V1}/users/anna/second-factors").status_code == 403
    assert berta.delete(f"{V1}/users/anna/second-factors").status_code == 204
    assert anna.get(f"{V1}/me").status_code == 401
    assert sign_in(strict, "anna").get(f"{V1}/me").json()["second_step"] == "enrol"
    person(strict, "lea", LEADER)
    assert berta.delete(f"{V1}/users/lea/second-factors").status_code == 403
    person(strict, "vera", VIEWER)
    assert sign_in(strict, "vera").delete(f"{V1}/users/anna/second-factors").status_code == 403


def test_a_new_link_ends_the_password_and_not_the_second_factor(city: City) -> None:
    token = person(city, "vera", VIEWER)
    enrolled(city, sign_in(city, "vera"))
    browser = TestClient(city.client.app, base_url=ADDRESS, headers=OURS)
    city.clock.now_us += 1
    with city.registry.read() as tx:
        assert tx.get(UserRepository).get("vera").password_hash
    assert browser.post(SIGN_IN, json={"token": token}).json()["second_step"] == "prove"


def test_who_owes_the_second_step_for_too_long_signs_in_anew(city: City) -> None:
    person(city, "vera", VIEWER)
    app, _ = enrolled(city, sign_in(city, "vera"))
    browser = sign_in(city, "vera")
    later(city, 31 * MINUTE_US)
    assert browser.post(STEP, json={"code": app.code(city.clock.now_us)}).status_code == 401


def test_another_site_cannot_have_the_browser_take_the_step(city: City) -> None:
    person(city, "vera", VIEWER)
    app, _ = enrolled(city, sign_in(city, "vera"))
    browser = sign_in(city, "vera")
    headers = {"Origin": "https://evil.example"}
    assert browser.post(STEP, json={"code": app.code(later(city))}, headers=headers).status_code == 403


def test_who_owes_the_step_is_on_record_as_nobody_yet(city: City) -> None:
    person(city, "vera", VIEWER)
    enrolled(city, sign_in(city, "vera"))
    browser = sign_in(city, "vera")
    refusals = city.client.app.state.refusals  # type: ignore[attr-defined]
    refusals.drain(city.clock.now_us)
    assert browser.get("/api/v1/devices").status_code == 403
    assert [refused.actor for refused, _, _ in refusals.drain(city.clock.now_us)] == [""]


def test_who_owes_the_step_may_not_ask_more_often_than_others(city: City) -> None:
    person(city, "vera", VIEWER)
    enrolled(city, sign_in(city, "vera"))
    app = create_app(replace(city.services, limits=ApiLimits(requests_per_s=0.01, burst_s=500)), poll_s=0.02)
    browser = sign_in(replace(city, client=TestClient(app, base_url=ADDRESS)), "vera")
    assert [browser.get(STEP).status_code for _ in range(7)] == [200] * 5 + [429] * 2
