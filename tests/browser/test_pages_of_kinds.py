"""Using the pages of the three groups and of those who let people in."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looking import Eye, Look
from tests.browser.town import PAGES, Town

pytestmark = pytest.mark.timeout(180)


def lamps(town: Town) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = town.demo.get("/api/v1/streetlights?group=fauthweg", "operator")["items"]
    return found


def test_a_street_is_dimmed_from_the_page_and_goes_back_to_its_plan(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look(user="operator"))
    eye.goto("/light")
    page = eye.page
    expect(page.locator(".post")).to_have_count(10)
    page.get_by_label("Helligkeit in Prozent").fill("55")
    page.get_by_role("button", name="30 min").click()
    page.get_by_label("Warum").fill("Probe")
    expect(page.locator(".scope")).to_contain_text("Betrifft alle 10 Leuchten der Gruppe Fauthweg; 10 sind verbunden.")
    page.get_by_role("button", name=re.compile("10 Leuchten auf 55.%, bis ")).click()
    expect(page.locator(".result-text")).to_have_text("Von allen 10 Leuchten ausgeführt.", timeout=60_000)
    expect(page.locator(".result-list li")).to_have_count(10)
    expect(page.locator("#chosen")).to_contain_text("(Probe)")
    assert {lamp["in_force"]["level_pct"] for lamp in lamps(town)} == {55.0}
    page.get_by_role("button", name="Rückgängig").click()
    expect(page.locator("#answer")).to_contain_text("Alles leuchtet nach Plan.", timeout=60_000)
    assert not any(lamp["override_active"] for lamp in lamps(town))


def test_one_lamp_is_chosen_and_dimmed_by_keyboard_alone(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look(user="operator", language="en"))
    eye.goto("/light")
    page, press = eye.page, eye.page.keyboard.press
    page.locator('.post[data-id="L01"]').focus()
    press("ArrowRight")
    press("ArrowRight")
    press(" ")
    expect(page).to_have_url(re.compile("lamps=L03"))
    expect(page.locator("#chosen h2")).to_have_text("Fauthweg L03")
    page.get_by_label("Brightness in percent").focus()
    press("Control+A")
    page.keyboard.type("45")
    press("Enter")
    expect(page.locator(".result-text")).to_have_text("Done.", timeout=60_000)
    held = {lamp["id"] for lamp in lamps(town) if lamp["override_active"]}
    assert held == {"L03"}
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#answer")).to_contain_text("All light is as planned.", timeout=60_000)


def test_who_may_not_dim_sees_the_light_and_no_control(look: Callable[[Look], Eye]) -> None:
    eye = look(Look(user="viewer"))
    eye.goto("/light")
    expect(eye.page.locator(".post")).to_have_count(10)
    expect(eye.page.locator("#control")).to_be_hidden()
    assert eye.page.locator("#control *").count() == 0


def test_flights_do_not_exist_for_who_lets_people_in(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look())
    eye.goto("/people")
    page = eye.page
    page.get_by_role("button", name="Person einladen").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Anmeldename").fill("keeper")
    dialog.get_by_label("Name", exact=True).fill("Karla Keeper")
    dialog.get_by_role("combobox", name="Rolle", exact=True).select_option("admin")
    dialog.get_by_role("button", name="Einladen").click()
    link = page.locator(".once").input_value()
    page.keyboard.press("Escape")
    row = page.get_by_role("row", name=re.compile("Karla Keeper"))
    expect(row).to_contain_text("eingeladen")
    keeper = look(Look(user=None))
    keeper.page.goto(link)
    keeper.page.get_by_label("Neues Kennwort").fill("a sentence is better")
    keeper.page.get_by_label("Noch einmal").fill("a sentence is better")
    keeper.page.get_by_role("button", name="Kennwort speichern").click()
    keeper.page.wait_for_url("**/city")
    keeper.settle()
    for path in ("/flights", town.place(next(p for p in PAGES if p.name == "flight"))):
        keeper.goto(path)
        expect(keeper.page.locator("main")).to_contain_text("Nicht gefunden")
        expect(keeper.page.get_by_role("navigation").get_by_text("Flüge")).to_be_hidden()
        assert keeper.page.title() == "Nicht gefunden · Lautern"
    row.get_by_role("button", name="Sperren").click()
    page.get_by_role("dialog").get_by_role("button", name="Sperren").click()
    expect(row).to_contain_text("gesperrt")
    keeper.page.goto(f"{town.address}/light")
    keeper.page.wait_for_url("**/sign-in*")
    keeper.complaints = [c for c in keeper.complaints if "401" not in c]


def test_a_flight_has_its_book_its_track_and_files_named_by_their_use(look: Callable[[Look], Eye]) -> None:
    eye = look(Look(user="brigade"))
    eye.goto("/flights?status=")
    expect(eye.page.locator(".flight-row .track-line").first).to_be_attached(timeout=20_000)
    landed = eye.page.locator(".flight-row").filter(has_text="gelandet").first
    landed.click()
    eye.settle()
    expect(eye.page.locator(".chart")).to_have_count(3)
    expect(eye.page.locator(".flight-facts")).to_contain_text("größte Höhe über Start")
    eye.page.locator(".chart-area").first.focus()
    eye.page.keyboard.press("ArrowLeft")
    expect(eye.page.locator(".chart-read").nth(1)).to_contain_text("%")
    with eye.page.expect_download() as given:
        eye.page.get_by_role("link", name="GPX für Karten-Apps").click()
    assert given.value.suggested_filename.endswith(".gpx")


def test_an_event_shows_used_against_booked_in_both_directions(look: Callable[[Look], Eye]) -> None:
    eye = look(Look(user="organiser"))
    eye.goto("/events")
    eye.page.get_by_role("link", name=re.compile("Altstadtfest")).click()
    eye.settle()
    expect(eye.page.locator("#answer")).to_contain_text("Buchungen")
    expect(eye.page.locator(".line").first).to_contain_text("Mbit/s")
    expect(eye.page.locator(".small-booked").first).to_be_attached(timeout=40_000)
    eye.page.get_by_role("button", name="hinauf").click()
    expect(eye.page).to_have_url(re.compile("direction=up"))
    eye.page.get_by_role("button", name=re.compile("Als Tabelle: ")).first.click()
    expect(eye.page.get_by_role("dialog")).to_contain_text("höchste Sekunde (Mbit/s)")


def test_the_audit_log_is_filtered_by_its_address_and_verified_in_words(look: Callable[[Look], Eye]) -> None:
    eye = look(Look())
    eye.goto("/audit?action=sign_in")
    rows = eye.page.locator("tbody tr")
    expect(rows.first).to_contain_text("Angemeldet")
    expect(rows.filter(has_not_text="Angemeldet")).to_have_count(0)
    eye.page.get_by_role("button", name="Unversehrtheit prüfen").click()
    expect(eye.page.locator(".verdict")).to_contain_text("Unversehrt", timeout=30_000)


def test_a_key_is_shown_once_and_revoked(look: Callable[[Look], Eye]) -> None:
    eye = look(Look())
    eye.goto("/keys")
    page = eye.page
    page.get_by_role("button", name="Neuer Schlüssel").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("panel")
    page.get_by_label("Rechte wie die Rolle").select_option("viewer")
    page.get_by_role("dialog").get_by_role("button", name="Anlegen").click()
    secret = page.locator(".once").input_value()
    headers = {"Authorization": f"Bearer {secret}", "Cookie": ""}
    assert page.request.get(f"{eye.town.address}/api/v1/me", headers=headers).json()["actor"] == "key:panel"
    page.keyboard.press("Escape")
    assert secret not in page.content()
    expect(page.get_by_role("row", name=re.compile("panel")).get_by_role("cell", name="demo")).to_be_visible()
    page.get_by_role("button", name="Widerrufen panel").click()
    page.get_by_role("dialog").get_by_role("button", name="Widerrufen").click()
    expect(page.get_by_role("row", name=re.compile("panel"))).to_have_count(0)
    assert page.request.get(f"{eye.town.address}/api/v1/me", headers=headers).status == 401
