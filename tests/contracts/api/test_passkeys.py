"""Passkeys as the second step: what a key signed, what it did not, for whom and for which address."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from devices.time_us import MINUTE_US
from tests.contracts.api.authenticator import Authenticator
from tests.contracts.api.conftest import ADDRESS, City
from tests.contracts.api.people import PASSWORD, person, sign_in
from tests.contracts.api.test_second_factor import MINE, SIGN_IN, STEP, V1, VIEWER, later


def passkey(city: City, browser: TestClient) -> Authenticator:
    """Enrol a passkey."""
    key = Authenticator(ADDRESS, "localhost")
    asked = browser.post(f"{MINE}/passkey-options").json()
    made = browser.post(f"{MINE}/passkeys", json={"passkey": key.make(asked)})
    assert made.status_code == 201, made.text
    return key


def test_a_passkey_proves_it(city: City) -> None:
    person(city, "vera", VIEWER)
    key = passkey(city, sign_in(city, "vera"))
    browser = sign_in(city, "vera")
    assert browser.get(STEP).json() == {"step": "prove", "methods": ["passkey", "recovery"], "passkeys_possible": True}
    answer = key.sign(browser.post(f"{STEP}/passkey").json())
    assert browser.post(STEP, json={"passkey": answer}).status_code == 200
    assert browser.get(f"{V1}/devices").status_code == 200


@pytest.mark.parametrize("fault", ["replay", "other key", "origin", "host", "old", "copy", "nothing asked", "rubbish"])
def test_what_is_no_answer_of_the_passkey_proves_nothing(city: City, fault: str) -> None:
    person(city, "vera", VIEWER)
    key = passkey(city, sign_in(city, "vera"))
    browser = sign_in(city, "vera")
    asked = browser.post(f"{STEP}/passkey").json()
    answer = key.sign(asked)
    if fault == "replay":
        assert sign_in(city, "vera").post(STEP, json={"passkey": answer}).status_code == 422
        assert browser.post(STEP, json={"passkey": answer}).status_code == 200
    elif fault == "other key":
        answer = replace(key, key=Authenticator("", "").key).sign(asked)
    elif fault == "origin":
        answer = replace(key, origin="https://evil.example").sign(asked)
    elif fault == "host":
        answer = replace(key, host="evil.example").sign(asked)
    elif fault == "old":
        later(city, 6 * MINUTE_US)
    elif fault == "copy":
        assert browser.post(STEP, json={"passkey": answer}).status_code == 200
        key.count -= 1
        answer = key.sign(browser.post(f"{STEP}/passkey").json())
    elif fault == "nothing asked":
        browser = sign_in(city, "vera")
    else:
        answer = {"rawId": answer["rawId"], "response": {"clientDataJSON": "x"}}
    assert browser.post(STEP, json={"passkey": answer}).status_code == 422


def test_a_passkey_is_one_persons_only(city: City) -> None:
    person(city, "vera", VIEWER)
    person(city, "erik", VIEWER)
    key = passkey(city, sign_in(city, "vera"))
    erik = sign_in(city, "erik")
    asked = erik.post(f"{MINE}/passkey-options").json()
    taken = erik.post(f"{MINE}/passkeys", json={"passkey": key.make(asked)})
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:lautern:problem:id_unavailable")
    passkey(city, erik)
    half = sign_in(city, "erik")
    assert half.post(STEP, json={"passkey": key.sign(half.post(f"{STEP}/passkey").json())}).status_code == 422


def test_passkeys_are_made_for_the_public_address(city: City) -> None:
    app = create_app(replace(city.services, public_url="https://lautern.example.org/town"), poll_s=0.02)
    person(city, "vera", VIEWER)
    browser = sign_in(replace(city, client=TestClient(app, base_url=ADDRESS)), "vera")
    asked = browser.post(f"{MINE}/passkey-options").json()
    assert asked["rp"]["id"] == "lautern.example.org"
    for origin, status in (("https://lautern.example.org", 201), (ADDRESS, 422)):
        key = Authenticator(origin, "lautern.example.org")
        asked = browser.post(f"{MINE}/passkey-options").json()
        assert browser.post(f"{MINE}/passkeys", json={"passkey": key.make(asked)}).status_code == status


@pytest.mark.parametrize("address", ["http://127.0.0.1", "https://evil.example", "https://localhost.evil.example"])
def test_no_host_that_a_request_names_gets_passkeys_but_localhost(city: City, address: str) -> None:
    person(city, "vera", VIEWER)
    key = passkey(city, sign_in(city, "vera"))
    browser = TestClient(city.client.app, base_url=address, headers={"Origin": address})
    assert browser.post(SIGN_IN, json={"name": "vera", "password": PASSWORD}).status_code == 200
    assert browser.get(STEP).json()["passkeys_possible"] is False
    assert browser.post(f"{STEP}/passkey").status_code == 409
    asked = sign_in(city, "vera").post(f"{STEP}/passkey").json()
    signed = replace(key, origin=address, host=address.partition("//")[2]).sign(asked)
    assert browser.post(STEP, json={"passkey": signed}).status_code == 409
    person(city, "erik", VIEWER)
    assert browser.post(SIGN_IN, json={"name": "erik", "password": PASSWORD}).status_code == 200
    refused = browser.post(f"{MINE}/passkey-options")
    assert (refused.status_code, refused.headers["Content-Type"]) == (409, "application/problem+json")
    assert refused.json()["type"] == "urn:lautern:problem:passkeys_need_public_url"
    assert "http.public_url" in refused.json()["title"]


def test_a_passkey_of_an_earlier_public_address_proves_nothing(city: City) -> None:
    person(city, "vera", VIEWER)
    key = passkey(city, sign_in(city, "vera"))
    app = create_app(replace(city.services, public_url="https://lautern.example.org"), poll_s=0.02)
    browser = sign_in(replace(city, client=TestClient(app, base_url=ADDRESS)), "vera")
    asked = browser.post(f"{STEP}/passkey").json()
    assert asked["rpId"] == "lautern.example.org"
    assert browser.post(STEP, json={"passkey": key.sign(asked)}).status_code == 422


def test_a_public_address_of_numbers_has_no_passkeys(city: City) -> None:
    app = create_app(replace(city.services, public_url="https://192.0.2.1"), poll_s=0.02)
    person(city, "vera", VIEWER)
    browser = sign_in(replace(city, client=TestClient(app, base_url=ADDRESS)), "vera")
    assert browser.get(MINE).json()["passkeys_possible"] is False
    assert browser.post(f"{MINE}/passkey-options").json()["type"] == "urn:lautern:problem:passkeys_need_a_name"
