"""The words people read, German and English, by code: one catalogue for server and browser."""
