"""Bodies of what a drone sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from devices.fire_drone.enums import GpsFixType, TimeQuality
from simulators.device import OutgoingReport
from simulators.kinds.fire_drone.battery import CELLS, HOVER_PCT_PER_S, BatteryPack
from simulators.kinds.fire_drone.mission import CRUISE_MS, DronePose

GEOID_M: Final = 48.0
"""The ellipsoid lies about so far below sea level's geoid in south-west Germany."""


@dataclass(frozen=True, slots=True)
class HomePosition:
    """Where a drone starts."""

    lat: float
    lon: float
    altitude_amsl_m: float


def telemetry_report(  # noqa: PLR0917 - all that a sample is made of
    home: HomePosition,
    pose: DronePose,
    position: tuple[float, float],
    heading_deg: float,
    pack: BatteryPack,
    noise: Random,
) -> dict[str, Any]:
    """One complete sample; noise of a good receiver."""
    jitter = noise.gauss
    height_m = pose.height_m + (jitter(0, 0.08) if pose.height_m else 0.0)
    moving = pose.ground_speed_ms > 0
    lat, lon = position[0] + jitter(0, 2e-7), position[1] + jitter(0, 3e-7)
    return {
        "time_quality": TimeQuality.GNSS.value,
        "lat": round(lat, 7),
        "lon": round(lon, 7),
        "fix": GpsFixType.THREE_D.value,
        "satellites": noise.randint(14, 19),
        "h_acc_m": round(0.6 + abs(jitter(0, 0.1)), 2),
        "v_acc_m": round(0.9 + abs(jitter(0, 0.2)), 2),
        "hdop": round(0.7 + abs(jitter(0, 0.05)), 2),
        "altitude_amsl_m": round(home.altitude_amsl_m + height_m, 2),
        "altitude_ellipsoid_m": round(home.altitude_amsl_m + GEOID_M + height_m, 2),
        "altitude_rel_m": round(height_m, 2),
        "home_lat": home.lat,
        "home_lon": home.lon,
        "home_altitude_amsl_m": home.altitude_amsl_m,
        "home_distance_m": round(pose.forward_m, 1),
        "ground_speed_ms": round(max(0.0, pose.ground_speed_ms + (jitter(0, 0.2) if moving else 0)), 2),
        "vertical_speed_ms": round(pose.vertical_speed_ms, 2),
        "heading_deg": round(heading_deg % 359.95, 1),
        "course_deg": round(heading_deg % 359.95, 1),
        "roll_deg": round(jitter(0, 0.8), 1),
        "pitch_deg": round(-8.0 * pose.ground_speed_ms / CRUISE_MS + jitter(0, 0.5), 1),
        "flight_state": pose.state.value,
        "armed": pose.armed,
        "mode": pose.mode,
        "battery_pct": round(pack.charge_pct, 1),
        "battery_voltage_v": round(CELLS * pack.cell_v, 2),
        "battery_current_a": pack.current_a,
        "battery_temperature_c": round(pack.temperature_c, 1),
        "battery_time_remaining_s": round(max(0.0, pack.charge_pct - 10) / HOVER_PCT_PER_S),
        "battery_rth_pct": round(10 + pose.forward_m / CRUISE_MS * HOVER_PCT_PER_S + height_m / 20, 1),
        "battery_land_pct": 8.0,
        "battery_serial": pack.serial,
        "control_link_pct": round(max(40.0, 99 - pose.forward_m / 30), 1),
        "wind_speed_ms": round(abs(jitter(3, 0.6)), 1),
        "wind_from_deg": 250.0,
    }


def pack_sample(pack: BatteryPack, now_us: int) -> OutgoingReport:
    """The pack as a part of its own."""
    body = {
        "part": "battery-1",
        "battery_serial": pack.serial,
        "battery_cycles": pack.cycles,
        "battery_pct": round(pack.charge_pct, 1),
        "battery_voltage_v": round(CELLS * pack.cell_v, 2),
        "battery_temperature_c": round(pack.temperature_c, 1),
        "battery_cells": {f"c{n}_v": round(pack.cell_v + 0.004 * (n - 3), 3) for n in range(1, CELLS + 1)},
    }
    return OutgoingReport("telemetry", body, now_us)


def event_report(name: str, body: Mapping[str, Any], now_us: int) -> OutgoingReport:
    """Something happened where the sample `body` was taken."""
    where = {key: body[key] for key in ("lat", "lon", "altitude_rel_m")}
    return OutgoingReport("event", {"severity": "info", **where}, now_us, name=name)


def info_report(device_id: str, home: HomePosition, now_us: int) -> OutgoingReport:
    """Who the drone is."""
    body = {
        "maker": "Lautern",
        "model": "simulated hexacopter",
        "firmware": "1.4.2",
        "serial": f"SIM-{device_id.upper()}",
        "lat": home.lat,
        "lon": home.lon,
        "registration": "DEU-SIMULATED-01",
        "capabilities": ["set_telemetry_rate", "request_full_state"],
        "delivery_window_s": 15.0,
    }
    return OutgoingReport("info", body, now_us, retained=True)
