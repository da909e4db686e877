"""Every page in both languages, light and dark, wide and on a phone: nothing that axe finds, nothing that breaks."""

from collections.abc import Callable

import pytest

from tests.browser.looking import Eye, Look
from tests.browser.town import PAGES, Town

LOOKS = [Look("de", 1280), Look("de", 360), Look("en", 1280), Look("en", 360)]
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("how", LOOKS, ids=str)
def test_every_page_is_accessible_and_does_not_break(look: Callable[[Look], Eye], town: Town, how: Look) -> None:
    eye = look(how)
    wrong: list[str] = []
    for page in PAGES:
        eye.goto(town.place(page))
        assert eye.page.locator("html").get_attribute("lang") == how.language
        wrong += eye.check(page.name)
    assert wrong == []


def test_no_page_scrolls_sideways_at_four_hundred_per_cent(look: Callable[[Look], Eye], town: Town) -> None:
    """1280 px at 400 % are 320 px (WCAG 2.1, 1.4.10)."""
    eye = look(Look(width=320))
    for page in PAGES:
        eye.goto(town.place(page))
        wide = eye.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, (page.name, wide)


def test_every_page_begins_with_a_sentence(look: Callable[[Look], Eye], town: Town) -> None:
    eye = look(Look())
    for page in PAGES:
        eye.goto(town.place(page))
        assert eye.says().strip().endswith("."), page.name
        assert eye.page.locator("h1").count() == 1, page.name
