"""The second step of signing in as people take it: an app, a passkey (Chromium's virtual authenticator), a lost one."""

import base64
import copy
import re
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import Eye, Look
from tests.browser.town import Town

pytestmark = pytest.mark.timeout(200)
PASSWORD = "a sentence is better"
KEY = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def invited(eye: Eye, town: Town, name: str) -> str:
    """Let somebody in; returns his link."""
    wanted = {"id": name, "name": name.title(), "roles": [{"role": "viewer", "tenant_id": "kaiserslautern"}]}
    answer = eye.page.request.post(f"{town.address}/api/v1/users", data=wanted, headers={"Origin": town.address})
    expect(answer).to_be_ok()
    return str(answer.json()["invitation"]["link"])


def entered(page: Page, town: Town, name: str) -> None:
    """Sign in with the password."""
    page.goto(f"{town.address}/sign-in")
    page.locator("#name").fill(name)
    page.locator("#secret").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden", exact=True).click()


def signed_out(page: Page) -> None:
    """Forget the session, once the page has asked what it asks with it."""
    expect(page.locator("#alarm-count")).to_be_visible()
    page.context.clear_cookies()


def shown_code(secret: str, off: int = 0) -> str:
    """What an app shows, `off` steps from now."""
    totp = TOTP(base64.b32decode(secret), 6, SHA1(), 30)
    return totp.generate(time.time() + 30 * off).decode()


def enrolled(eye: Eye, link: str) -> tuple[str, str, list[str]]:
    """Enrol an app and a passkey on the account page; returns the app's secret, a recovery code, and what is wrong."""
    page, wrong = eye.page, []
    page.goto(eye.town.address + link[link.index("/sign-in") :])
    expect(page.get_by_label("Neues Kennwort")).to_be_visible()
    page.reload()  # as a phone does that dropped the page; the link is used up
    page.get_by_label("Neues Kennwort").fill(PASSWORD)
    page.get_by_label("Noch einmal").fill(PASSWORD)
    page.get_by_role("button", name="Kennwort speichern").click()
    page.wait_for_url("**/city")
    eye.goto("/account")
    wrong += eye.check("account without")
    page.get_by_role("button", name="Hinzufügen").click()
    page.get_by_role("button", name="Authenticator-App einrichten").click()
    secret = re.sub(r"\s", "", page.locator("dialog .mono").inner_text())
    expect(page.get_by_role("img", name="QR-Code für die Authenticator-App")).to_be_visible()
    opens = page.get_by_role("link", name="App auf diesem Gerät öffnen").get_attribute("href") or ""
    assert opens.startswith("otpauth://totp/"), opens
    assert f"secret={secret}" in opens
    wrong += eye.check("app")
    page.get_by_label("Code der App").fill(shown_code(secret))
    page.get_by_role("button", name="Einrichten", exact=True).click()
    expect(page.locator("dialog ol.mono li")).to_have_count(10)
    lost = page.locator("dialog ol.mono li").first.inner_text()
    wrong += eye.check("recovery codes")
    page.get_by_role("button", name="Aufbewahrt, weiter").click()
    page.get_by_role("button", name="Hinzufügen").click()
    page.get_by_role("button", name="Passkey einrichten").click()
    expect(page.get_by_role("button", name="Passkey entfernen")).to_be_visible()
    return secret, lost, wrong + eye.check("account with")


def test_an_app_and_a_passkey_are_enrolled_and_prove_it(
    town: Town, browser: Browser, look: Callable[[Look], Eye]
) -> None:
    link = invited(look(Look()), town, "vera")
    here = copy.copy(town)
    here.address = town.address.replace("127.0.0.1", "localhost")
    eye = Eye(browser, here, Look(user=None))
    try:
        page = eye.page
        client = page.context.new_cdp_session(page)
        client.send("WebAuthn.enable")
        client.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
        secret, lost, wrong = enrolled(eye, link)

        signed_out(page)
        entered(page, here, "vera")
        expect(page.get_by_role("heading", name="Zweiter Schritt")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Zweiter Schritt")).to_be_visible()
        wrong += eye.check("second step")
        page.goto(f"{here.address}/devices")
        expect(page.get_by_role("heading", name="Zweiter Schritt")).to_be_visible()
        page.get_by_role("button", name="Mit Passkey ausweisen").click()
        page.wait_for_url("**/devices")

        signed_out(page)
        entered(page, here, "vera")
        page.get_by_label("Code der App").fill("000000")
        page.get_by_role("button", name="Weiter").first.click()
        expect(page.get_by_role("alert").filter(visible=True)).to_have_text("Stimmt nicht oder wurde schon benutzt.")
        page.get_by_label("Code der App").fill(shown_code(secret, 1))
        page.get_by_role("button", name="Weiter").first.click()
        page.wait_for_url("**/city")

        signed_out(page)
        entered(page, here, "vera")
        page.get_by_text("App oder Passkey nicht zur Hand?").click()
        page.get_by_label("Notfallcode").fill(lost)
        page.get_by_role("button", name="Weiter").last.click()
        page.wait_for_url("**/city")
    finally:
        eye.close()
    assert wrong == []
    assert [text for text in eye.complaints if "422" not in text] == [], "a wrong code alone is complained about"
