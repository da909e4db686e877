"""Web pages of the event network."""

from api.web.page import WebPage

PAGES = (
    WebPage("events", "/events", "events.js", template="events.html", nav=40),
    WebPage("event", "/events/{id}", "event.js", template="event.html"),
)
