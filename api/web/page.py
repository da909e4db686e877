"""A page declares itself; the shell, the navigation and the tests iterate over the declarations."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebPage:
    """One page. Its words are `{name}.title`, and `{name}.nav` where it stands in the navigation."""

    name: str
    path: str
    """As FastAPI writes it: `/devices/{id}`."""
    module: str
    """Its ES module: below `static/` for shared pages, below the kind's `web/` for a kind's."""
    template: str = "page.html"
    nav: int | None = None
    """Place in the navigation; None: not in it."""
    scope: str | None = None
    """Shown in the navigation to those who may this; None: to everybody signed in."""
    is_open: bool = False
    """True: also for people who are not signed in."""


PAGES = (
    WebPage("city", "/city", "pages/city.js", template="city.html", nav=10),
    WebPage("devices", "/devices", "pages/devices.js", nav=50),
    WebPage("device", "/devices/{id}", "pages/device.js"),
    WebPage("alarms", "/alarms", "pages/alarms.js", nav=60),
    WebPage("notifications", "/notifications", "pages/notifications.js", nav=70, scope="notifications:admin"),
    WebPage("dead_letters", "/dead-letters", "pages/dead_letters.js", nav=80, scope="dead_letters:read"),
    WebPage("system", "/system", "pages/system.js", nav=90, scope="system:read"),
    WebPage("people", "/people", "pages/people.js", nav=100, scope="users:admin"),
    WebPage("keys", "/keys", "pages/keys.js", nav=110, scope="api_keys:admin"),
    WebPage("audit", "/audit", "pages/audit.js", nav=120, scope="audit:read"),
    WebPage("account", "/account", "pages/account.js"),
    WebPage("sign_in", "/sign-in", "pages/sign_in.js", template="sign_in.html", is_open=True),
    WebPage("setup", "/setup", "pages/sign_in.js", template="sign_in.html", is_open=True),
    WebPage("accessibility", "/accessibility", "pages/plain.js", template="accessibility.html", is_open=True),
)
