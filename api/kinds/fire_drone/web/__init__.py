"""Web pages of the fire brigade's drones."""

from api.web.page import WebPage

PAGES = (
    WebPage("flights", "/flights", "flights.js", template="flights.html", nav=30),
    WebPage("flight", "/flights/{id}", "flight.js", template="flight.html"),
)
