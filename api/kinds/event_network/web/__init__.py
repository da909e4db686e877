"""Web pages of the event network."""

from api.web.page import Page

PAGES = (
    Page("events", "/events", "events.js", template="events.html", nav=40),
    Page("event", "/events/{id}", "event.js", template="event.html"),
)
