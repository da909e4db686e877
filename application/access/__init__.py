"""People: what the roles they are given let them do."""
