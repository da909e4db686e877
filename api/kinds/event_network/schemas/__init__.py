"""The event network as the API shows it."""
