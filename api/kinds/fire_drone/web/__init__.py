"""Web pages of the fire brigade's drones."""

from api.web.page import Page

PAGES = (
    Page("flights", "/flights", "flights.js", template="flights.html", nav=30),
    Page("flight", "/flights/{id}", "flight.js", template="flight.html"),
)
