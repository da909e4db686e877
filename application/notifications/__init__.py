"""How alarms reach people: who is told of what, when, and in which words. No clock, no database, no network."""
