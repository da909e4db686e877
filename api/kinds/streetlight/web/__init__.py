"""Web pages of streetlights."""

from api.web.page import Page

PAGES = (Page("light", "/light", "light.js", template="light.html", nav=20),)
