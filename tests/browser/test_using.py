"""Using the pages: signing in, a day's work by keyboard alone, a connection that is lost and found again."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.looking import Eye, Look, tab_to
from tests.browser.town import Town
from tests.real_parts.waiting import wait_until

ROW = ".list [role=option]"
pytestmark = pytest.mark.timeout(180)


def test_signing_in_says_what_is_wrong_and_goes_on_where_one_wanted_to(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look(user=None))
    page = eye.page
    page.goto(f"{town.address}/alarms?show=all")
    page.wait_for_url("**/sign-in?*", wait_until="commit")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("demo")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    expect(page.get_by_role("button", name="Anmelden")).to_be_enabled()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Name oder Kennwort stimmen nicht")).to_be_visible()
    page.keyboard.type(town.password("demo"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/alarms?show=all")
    eye.settle()
    page.locator("#account summary").click()
    page.get_by_role("button", name="Abmelden").click()
    page.wait_for_url("**/sign-in*")
    refused = [c for c in eye.complaints if "401" in c]
    assert refused, "the browser itself reports what the server refused"
    eye.complaints = [c for c in eye.complaints if c not in refused]


def test_signing_in_leads_nowhere_else(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look())
    for elsewhere in ("/%09/elsewhere.example/", "//elsewhere.example/", "/%5Celsewhere.example/"):
        eye.page.goto(f"{town.address}/sign-in?set&next={elsewhere}")
        eye.page.wait_for_url(f"{town.address}/city")


def test_a_day_of_work_by_keyboard_alone(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look())
    page, press = eye.page, eye.page.keyboard.press
    eye.goto("/city")
    press("/")
    page.keyboard.type("L03")
    expect(page.locator(ROW)).to_have_count(1)
    press("Enter")
    press("Enter")
    detail = page.locator("#detail")
    expect(detail.get_by_role("heading", name="Fauthweg L03")).to_be_visible()
    tab_to(page, detail.get_by_role("link", name="Gerät öffnen"))
    press("Enter")
    page.wait_for_url("**/devices/L03*")
    eye.settle()
    tab_to(page, page.get_by_role("button", name="Dimmen"))
    press("Enter")
    page.keyboard.type("55")
    press("Enter")
    command = page.locator(".command").first
    expect(command).to_contain_text("55")
    expect(command).to_contain_text("ausgeführt", timeout=60_000)
    chart = page.locator(".chart-area")
    tab_to(page, chart, 80)
    press("ArrowLeft")
    expect(page.locator(".chart-read")).to_contain_text("%")
    press("?")
    expect(page.get_by_role("dialog", name="Tasten")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    press("Escape")
    page.wait_for_url(re.compile(r"/devices\?"))


def test_an_alarm_is_shelved_and_taken_back_by_keyboard(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look(language="en"))
    page, press = eye.page, eye.page.keyboard.press
    town.demo.order("L07", "dim", "operator", level_pct=100)  # by day nobody sees that it is broken
    wait_until(lambda: _open_alarms(town) > 0, timeout_s=90, what="an alarm of the lamp that fails in the demo")
    eye.goto("/alarms")
    first = page.locator(".alarm").first
    name = first.get_attribute("data-id")
    tab_to(page, first.get_by_role("button", name="Shelve"))
    press("Enter")
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Shelve"))
    press("Enter")
    shelved = page.locator(f'.alarm[data-id="{name}"]')
    expect(shelved).to_contain_text("shelved by Demo until")
    eye.goto("/alarms?show=shelved")
    tab_to(page, shelved.get_by_role("button", name="Take back"))
    press("Enter")
    expect(shelved).not_to_contain_text("shelved by")


def test_a_lost_connection_is_told_and_the_stream_resumes_where_it_was(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look())
    eye.goto("/devices/L01")
    expect(eye.page.locator("#live")).to_contain_text("live", timeout=20_000)
    bar = eye.page.locator("#connection")
    expect(bar).to_be_hidden()
    asked = len(eye.streams)
    eye.page.route("**/api/v1/stream?*", lambda route: route.abort("connectionrefused"))
    town.kill_api()
    expect(bar).to_contain_text("Verbindung verloren seit", timeout=40_000)
    eye.page.unroute("**/api/v1/stream?*")
    expect(bar).to_be_hidden(timeout=60_000)
    assert eye.streams[asked:], "the page asked for the stream again"
    assert all(re.fullmatch(r"\d+", headers.get("last-event-id", "")) for headers in eye.streams[asked:])
    # The browser itself reports each try that found nobody.
    eye.complaints = [c for c in eye.complaints if not re.search("ERR_(CONNECTION|INCOMPLETE|EMPTY|NETWORK)", c)]


def test_a_short_cut_is_no_outage(look: Callable[[Look], Eye]) -> None:
    eye = look(Look())
    eye.page.add_init_script("""
        const asked = window.fetch;
        window.fetch = (url, given) => {
            if (!String(url).includes("/stream")) return asked(url, given);
            const cutting = new AbortController();
            window.cut = () => cutting.abort();
            return asked(url, { ...given, signal: AbortSignal.any([given.signal, cutting.signal]) });
        };""")
    eye.goto("/devices/L01")
    expect(eye.page.locator("#live")).to_contain_text("live", timeout=20_000)
    eye.page.evaluate("""
        const bar = document.getElementById("connection");
        new MutationObserver(() => { if (!bar.hidden) window.told = true; }).observe(bar, { attributes: true });
        window.cut();""")
    asked = len(eye.streams)
    wait_until(lambda: eye.page.evaluate("1") and len(eye.streams) > asked, what="the stream is asked for again")
    assert re.fullmatch(r"\d+", eye.streams[-1].get("last-event-id", ""))
    expect(eye.page.locator("#live")).to_contain_text("live")
    assert not eye.page.evaluate("window.told ?? false")


def test_the_address_shows_a_colleague_the_same(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look())
    eye.goto("/city")
    eye.page.get_by_label("Alle Arten").select_option("streetlight")
    eye.page.get_by_role("option", name="Fauthweg L05").click()
    expect(eye.page).to_have_url(re.compile(r"kind=streetlight.*device=L05"))
    other = look(Look())
    other.goto(eye.page.url.removeprefix(town.address))
    expect(other.page.get_by_role("heading", name="Fauthweg L05")).to_be_visible()
    expect(other.page.locator(ROW)).to_have_count(10)


def test_the_choice_of_light_or_dark_and_language_is_kept(look: Callable[[Look], Eye]) -> None:
    eye = look(Look())
    eye.goto("/alarms")
    eye.page.locator("#account summary").click()
    eye.page.get_by_role("button", name="Dunkel").click()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = eye.page.evaluate(ground)
    eye.page.locator("#language summary").click()
    eye.page.get_by_role("link", name="English").click()
    expect(eye.page.locator("html")).to_have_attribute("lang", "en")
    eye.settle()
    assert eye.page.evaluate(ground) == dark
    assert eye.page.locator("html").get_attribute("data-theme") == "dark"


def _open_alarms(town: Town) -> int:
    return len(town.demo.get("/api/v1/alarms?open=true&shelved=false", "operator").get("items", []))
