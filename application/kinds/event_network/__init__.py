"""Use-cases of the event network: its books, the live view, rates over time."""
