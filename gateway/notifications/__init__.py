"""Tells people of alarms: what is due, by mail and webhook, until it has arrived."""
