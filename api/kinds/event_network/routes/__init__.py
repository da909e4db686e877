"""Routes of events, nodes and the live view."""
