"""Deciding who is told of alarms, and seeing whether it arrives."""

import re
from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import expect

from tests.browser.looking import Eye, Look, tab_to
from tests.browser.town import Town
from tests.real_parts.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


def test_a_target_and_a_rule_are_added_and_a_test_is_followed_by_keyboard(
    look: Callable[[Look], Eye], town: Town
) -> None:
    eye = look(Look())
    page, press = eye.page, eye.page.keyboard.press
    eye.goto("/notifications")
    assert eye.says() == "Niemand erfährt von Alarmen: noch gibt es kein Ziel."
    tab_to(page, page.get_by_role("button", name="Ziel hinzufügen"))
    press("Enter")
    page.keyboard.type("Lichtdienst")
    tab_to(page, page.get_by_label("E-Mail-Adresse"))
    page.keyboard.type("licht@elsewhere.example")
    press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("elsewhere.example ist nicht freigegeben")
    expect(page.get_by_label("E-Mail-Adresse")).to_be_focused()
    assert eye.check("notifications refused") == []
    press("Control+A")
    page.keyboard.type("licht@stadt.example")
    press("Enter")
    row = page.get_by_role("row", name=re.compile("Lichtdienst"))
    expect(row).to_contain_text("noch nichts gesendet")
    tab_to(page, row.get_by_role("button", name="Probe senden"))
    press("Enter")
    expect(row.filter(has_text="Probe senden")).to_contain_text("angenommen", timeout=30_000)
    wait_until(lambda: "Probe" in str(town.box.mails()[0]["Subject"]), timeout_s=5, what="the mail")
    expect(row.filter(has_text="Probe: Lautern erreicht Sie")).to_contain_text("angenommen")
    tab_to(page, page.get_by_role("button", name="Regel hinzufügen"))
    press("Enter")
    page.keyboard.type("Straßenlicht")
    tab_to(page, dialog.get_by_role("button", name="Dienstzeit hinzufügen"))
    press("Enter")
    assert eye.check("notifications rule") == []
    press("Enter")
    rule = page.get_by_role("row", name=re.compile("Straßenlicht"))
    expect(rule).to_contain_text("schwere und kritische Alarme an Lichtdienst. Zu Dienstzeiten: Mo–Fr 07:00–16:00")
    expect(page.locator("#answer")).to_have_text(
        "Eine Regel meldet Alarme an Lichtdienst. Was zuletzt gesendet wurde, ist angenommen."
    )
    # The browser itself reports what was refused.
    eye.complaints = [c for c in eye.complaints if "422" not in c]


def test_a_webhooks_secret_is_shown_once_and_its_failure_said_in_words(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look(language="en"))
    page = eye.page
    eye.goto("/notifications")
    page.get_by_role("button", name="Add a target").click()
    page.get_by_role("textbox", name="Name").fill("Tickets")
    page.get_by_label("Type").select_option("webhook")
    page.get_by_label("Address of the webhook").fill(f"http://{town.hook}/alarms")
    page.get_by_role("button", name="Add", exact=True).click()
    secret = page.locator(".once").input_value()
    assert secret.startswith("whsec_")
    page.keyboard.press("Escape")
    assert secret not in page.content()
    page.get_by_role("button", name="Send a test Tickets").click()
    row = page.get_by_role("row", name=re.compile("Tickets")).first
    expect(row).to_contain_text(f"{town.hook} does not answer (Connection refused). Next attempt", timeout=30_000)
    page.get_by_role("button", name="on its way").click()
    expect(page).to_have_url(re.compile("state=queued"))
    page.get_by_role("button", name="Remove Tickets").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Remove Tickets")).to_have_count(0)


def test_what_still_waits_is_not_called_accepted(look: Callable[[Look], Eye]) -> None:
    """Such as while the gateway, which sends it, does not run."""
    target = {"id": "t1", "name": "Lichtdienst", "channel": "email", "address": "licht@stadt.example", "enabled": True}
    rule: dict[str, object] = {
        "id": "r1",
        "name": "Licht",
        "targets": ["t1"],
        "kinds": ["streetlight"],
        "groups": [],
        "severities": [],
    }
    rule |= {"duty": {"spans": []}, "escalation": [], "gather_s": 30, "resolved": True, "enabled": True}
    message = {"id": "m1", "target_id": "t1", "state": "queued", "occasion": "new", "subject": "Alarm", "reason": None}
    message |= {"created_at": "2026-11-26T05:00:00Z", "final_at": None, "next_attempt_at": None}
    eye = look(Look())

    def answer(path: str, *items: Mapping[str, object]) -> None:
        page = {"items": items, "next_cursor": None}
        eye.page.route(re.compile(f"/api/v1/notification{path}"), lambda route: route.fulfill(json=page))

    answer("-targets", target)
    answer("-rules", rule)
    answer(r"s\?", message)
    eye.goto("/notifications")
    assert eye.says() == "Eine Regel meldet Alarme an Lichtdienst. Gesendet wurde noch nichts."


def test_who_may_not_decide_it_does_not_see_it(look: Callable[[Look], Eye]) -> None:
    eye = look(Look(user="viewer"))
    eye.goto("/notifications")
    expect(eye.page.locator("main")).to_contain_text("Kein Zugang")
    expect(eye.page.get_by_role("navigation").get_by_text("Benachrichtigungen")).to_be_hidden()
