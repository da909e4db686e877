"""Flights found in telemetry: pure, the same whatever order the samples came in."""
