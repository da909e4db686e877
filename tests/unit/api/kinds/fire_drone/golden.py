"""A flight with everything that is hard: a link gap, a time without position, a lone sample, unknown altitudes."""

from application.kinds.fire_drone.ports import FlightRecord
from application.ports.telemetry import TelemetryRow
from devices.fire_drone.flights.flight import DetectedFlight, FlightStatus
from devices.samples import Value
from devices.time_us import SECOND_US

TAKEOFF_US = 1_790_000_000 * SECOND_US + 250_000
LENGTH_S = 130
LONE_S = 60
"""A sample alone between two gaps."""


def row(second: int) -> TelemetryRow:
    """Sample `second` seconds after take-off."""
    values: dict[str, Value] = {
        "fix": "rtk_fixed",
        "satellites": 17,
        "hdop": 0.7,
        "altitude_rel_m": 20.0 + second / 10,
        "ground_speed_ms": 3.5,
        "flight_state": "airborne",
        "armed": True,
        "mode": "=HYPERLINK(0)" if second == 3 else "hold & <wait>",
        "battery_pct": 90 - second / 10,
    }
    if not 90 <= second < 110:
        values |= {"lat": round(49.4447 + second * 1e-5, 7), "lon": 7.769}
    if second != 5:
        values |= {"altitude_amsl_m": 260.5 + second / 10, "altitude_ellipsoid_m": 308.5 + second / 10}
    ts_us = TAKEOFF_US + second * SECOND_US
    return TelemetryRow(ts_us, ts_us + 1, values)


ROWS = [row(s) for s in (*range(40), LONE_S, *range(80, LENGTH_S + 1))]
PLACED = [r for r in ROWS if "lat" in r.values]
FLIGHT = FlightRecord(
    "f0",
    "fritz",
    "kl",
    12,
    TAKEOFF_US,
    DetectedFlight(
        takeoff_us=TAKEOFF_US,
        takeoff_earliest_us=None,
        last_airborne_us=TAKEOFF_US + (LENGTH_S - 1) * SECOND_US,
        landing_us=TAKEOFF_US + LENGTH_S * SECOND_US,
        landing_latest_us=TAKEOFF_US + LENGTH_S * SECOND_US,
        status=FlightStatus.LANDED,
        landings=1,
        airborne_s=LENGTH_S,
    ),
)
