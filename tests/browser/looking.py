"""A browser window as somebody looks into it, with what it complained about."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from tests.browser.town import Town
from tests.real_parts.waiting import wait_until

AXE: Final = (Path(__file__).parent / "vendored" / "axe.min.js").read_text(encoding="utf-8")
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
PICTURES: Final = os.environ.get("LAUTERN_TEST_PICTURES", "")
"""A folder to keep pictures of all pages in."""
LOADING: Final = """!document.body || /Wird geladen|Loading …/.test(document.body.innerText)
  || !!document.querySelector('[aria-busy]')"""
CROWDED: Final = """[...document.querySelectorAll("button, .button, ol > li")].filter((part) => {
  if (!part.matches("li")) return part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1;
  const room = parseFloat(getComputedStyle(part.parentElement).paddingInlineStart);
  return getComputedStyle(part).listStyleType === "decimal" && room < 24;
}).map((part) => part.innerText)"""
"""Buttons whose words stand over their edge, and numbers of lists beside it."""
SETTLE_S: Final = 40


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until it is focused, as somebody without a mouse does."""
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"not reached by {most} times Tab: {wanted}")


@dataclass(frozen=True)
class Look:
    """How somebody looks."""

    language: Literal["de", "en"] = "de"
    width: int = 1280
    user: str | None = "demo"

    def __str__(self) -> str:
        return f"{self.language}-{self.width}"


class Eye:
    """A window of its own, signed in. `complaints`: console errors, broken scripts, requests to anywhere else."""

    def __init__(self, browser: Browser, town: Town, how: Look) -> None:
        self.town = town
        self.how = how
        self.complaints: list[str] = []
        self.streams: list[Mapping[str, str]] = []
        """Headers of each request for the live stream."""
        self._context = browser.new_context(
            viewport={"width": how.width, "height": 800 if how.width > 500 else 740},
            color_scheme="light",
            locale="de-DE" if how.language == "de" else "en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(SETTLE_S * 1000)
        self.page = self._context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._request)
        if how.user is not None:
            self._sign_in(how.user)

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def goto(self, path: str) -> None:
        """Open a page and wait until it shows what it has."""
        self.page.goto(self.town.address + path)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing loads."""
        wait_until(lambda: not self.page.evaluate(LOADING), timeout_s=SETTLE_S, what=f"{self.page.url} to be there")

    def check(self, name: str) -> list[str]:
        """What is wrong with the page as it is: axe's findings, what does not fit, and whether it scrolls sideways."""
        self.page.evaluate(f"() => {{ {AXE}; }}")
        wrong = self._findings(f"{name} light", {"type": "tag", "values": TAGS})
        self.page.emulate_media(color_scheme="dark")
        wrong += self._findings(f"{name} dark", {"type": "rule", "values": ["color-contrast"]})
        self.page.emulate_media(color_scheme="light")
        wide, seen = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        wrong += [f"{name}: {text} does not fit" for text in self.page.evaluate(CROWDED)]
        return wrong if wide <= seen else [*wrong, f"{name}: {wide} px wide, {seen} px are seen"]

    def _findings(self, name: str, rules: Mapping[str, object]) -> list[str]:
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name} {self.how}.png", full_page=True)
        found: dict[str, Any] = self.page.evaluate(f"() => axe.run({{runOnly: {rules}}})")
        return [
            f"{name}: {violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"][:3]
        ]

    def says(self) -> str:
        """The sentence that the page begins with."""
        return self.page.locator("#answer").inner_text()

    def _sign_in(self, user: str) -> None:
        answer = self._context.request.post(
            f"{self.town.address}/api/v1/login",
            data={"name": user, "password": self.town.password(user)},
            headers={"Origin": self.town.address},
        )
        expect(answer).to_be_ok()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.town.address, "blob:", "data:")):
            self.complaints.append(f"{self.page.url} asked {request.url}")
        if "/api/v1/stream" in request.url:
            self.streams.append(request.headers)
