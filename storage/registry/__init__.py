"""The registry database: everything relational, on SQLite or PostgreSQL."""
