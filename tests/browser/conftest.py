"""The demo city, started as a user starts it, and Debian's Chromium that looks at its pages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.looking import Eye, Look
from tests.browser.town import Town
from tests.real_parts.mail import mail_box
from tests.real_parts.ports import claim_port
from tests.system.test_start import demo

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-prefers-reduced-motion"]

MAIL = {
    "LAUTERN_MAIL__HOST": "localhost",
    "LAUTERN_MAIL__SECURITY": "none",
    "LAUTERN_MAIL__SENDER": "Lautern <lautern@stadt.example>",
    "LAUTERN_NOTIFICATIONS__MAIL_DOMAINS": '["stadt.example"]',
}
WEBHOOKS = "LAUTERN_NOTIFICATIONS__WEBHOOK_HOSTS"


@pytest.fixture(autouse=True)
def no_leaked_threads() -> None:
    """Playwright's threads last as long as its browser, beyond the test in which it needs one more."""


@pytest.fixture(scope="session")
def town(chromium_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A demo city whose devices are live, with a mail server, and a webhook allowed where nobody listens."""
    folder = tmp_path_factory.mktemp("browser")
    box, hook = mail_box(folder / "post"), f"127.0.0.1:{claim_port()}"
    box.server.start()
    try:
        with demo(folder / "city", MAIL | {"LAUTERN_MAIL__PORT": str(box.port), WEBHOOKS: f'["{hook}"]'}) as running:
            yield Town(running, box, hook)
    finally:
        box.server.stop()


@pytest.fixture(scope="session")
def browser(chromium_program: Path, town: Town) -> Iterator[Browser]:
    """One browser for all tests; each opens contexts of its own."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def look(town: Town, browser: Browser) -> Iterator[Callable[[Look], Eye]]:
    """Opens a signed-in window; whatever it complained about by the end of the test fails it."""
    eyes: list[Eye] = []

    def opened(how: Look) -> Eye:
        eye = Eye(browser, town, how)
        eyes.append(eye)
        return eye

    yield opened
    for eye in eyes:
        eye.close()
    assert [complaint for eye in eyes for complaint in eye.complaints] == []
