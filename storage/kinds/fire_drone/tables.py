"""Tables of the flight book."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text

from storage.registry.metadata import METADATA, Instant, Json

FLIGHTS = Table(
    "drone_flights",
    METADATA,
    Column("flight_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("asset_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("takeoff_us", Instant, nullable=False),
    Column("end_us", Instant, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("status", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("drone", Json, nullable=False),
    Column("detected", Json, nullable=False),
    Column("recorded_us", Instant, nullable=False),
    Column("removed", Boolean, nullable=False),
    Index(None, "asset_id", "takeoff_us"),
    Index(None, "takeoff_us", "flight_id"),
    Index(None, "status"),
)
"""`removed`: better data showed it to be none; its id and number stay taken."""

MARKS = Table(
    "drone_flight_marks",
    METADATA,
    Column("mark_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant_id", Text, nullable=False),
    Column("asset_id", Text, nullable=False),
    Column("from_us", Instant, nullable=False),
    Column("until_us", Instant, nullable=False),
    Column("probe_us", Instant, nullable=False),
)
"""Drones with samples of which flights are still to be computed."""
