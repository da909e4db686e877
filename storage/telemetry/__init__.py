"""Telemetry stores: InfluxDB 2, and SQLite in a file of its own. Each is loaded only where it is used."""
