"""The demo city, started as a user starts it, and Debian's Chromium that looks at its pages."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.looking import Eye, Look
from tests.browser.town import Town
from tests.real_parts import finding
from tests.system.test_start import demo

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-prefers-reduced-motion"]


@pytest.fixture(autouse=True)
def no_leaked_threads() -> None:
    """Playwright's threads last as long as its browser, beyond the test in which it needs one more."""


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A demo city whose devices are live."""
    finding.require(finding.chromium(), "chromium", "apt install chromium")
    with demo(tmp_path_factory.mktemp("browser") / "city") as running:
        yield Town(running)


@pytest.fixture(scope="session")
def browser(town: Town) -> Iterator[Browser]:
    """One browser for all tests; each opens contexts of its own."""
    program = finding.require(finding.chromium(), "chromium", "apt install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
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
