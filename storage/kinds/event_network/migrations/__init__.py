"""Migrations of the event network."""
