"""Journals on SQLite: raw messages, and what was already judged."""
