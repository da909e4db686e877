"""Telemetry stores: InfluxDB 2, and SQLite in a file of its own."""

from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter

__all__ = ["InfluxTelemetryReader", "InfluxTelemetryWriter", "SqliteTelemetryReader", "SqliteTelemetryWriter"]
