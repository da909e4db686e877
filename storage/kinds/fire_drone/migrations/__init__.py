"""Migrations of the flight book."""
