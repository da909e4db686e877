"""Web pages of streetlights."""

from api.web.page import WebPage

PAGES = (WebPage("light", "/light", "light.js", template="light.html", nav=20),)
