"""What a drone measures. Three altitudes that are never converted into each other; unknown is absent."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from devices.fields import FieldUnit, Percent, PlausibleRange, Text
from devices.fire_drone.enums import AglSource, FlightState, GpsFixType, TimeQuality
from devices.messages import Envelope, TelemetryMessage, WireModel

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Volt = Annotated[float, Field(ge=0, le=100)]
CellVolt = Annotated[
    float, Field(ge=0, le=10), PlausibleRange(2.5, 4.6), FieldUnit("V", ("MAVLink BATTERY_STATUS.voltages mV",))
]


class LifetimeTotals(WireModel):
    """What the drone counted over its life."""

    flight_time_s: Annotated[float, Field(ge=0, le=1e12), FieldUnit("s", ("DJI total_flight_time",))] | None = None
    distance_m: Annotated[float, Field(ge=0, le=1e12), FieldUnit("m", ("DJI total_flight_distance",))] | None = None
    sorties: Annotated[int, Field(ge=0, le=10**9), FieldUnit("1", ("DJI total_flight_sorties",))] | None = None


class CellVoltages(WireModel):
    """Voltages of a pack's cells, as many as MAVLink's BATTERY_STATUS knows."""

    c1_v: CellVolt | None = None
    c2_v: CellVolt | None = None
    c3_v: CellVolt | None = None
    c4_v: CellVolt | None = None
    c5_v: CellVolt | None = None
    c6_v: CellVolt | None = None
    c7_v: CellVolt | None = None
    c8_v: CellVolt | None = None
    c9_v: CellVolt | None = None
    c10_v: CellVolt | None = None
    c11_v: CellVolt | None = None
    c12_v: CellVolt | None = None
    c13_v: CellVolt | None = None
    c14_v: CellVolt | None = None


class Position(Envelope):
    """Where the drone is; 0/0, half a position and a position without fix are unknown."""

    time_quality: Annotated[TimeQuality, FieldUnit("", ("MAVLink SYSTEM_TIME",))] | None = None
    lat: Annotated[Latitude, FieldUnit("°", ("MAVLink GLOBAL_POSITION_INT.lat 1e-7°", "DJI latitude"))] | None = None
    lon: Annotated[Longitude, FieldUnit("°", ("MAVLink GLOBAL_POSITION_INT.lon 1e-7°", "DJI longitude"))] | None = None
    fix: (
        Annotated[GpsFixType, FieldUnit("", ("MAVLink GPS_RAW_INT.fix_type", "DJI position_state.is_fixed"))] | None
    ) = None
    satellites: (
        Annotated[
            int, Field(ge=0, le=100), FieldUnit("1", ("MAVLink GPS_RAW_INT.satellites_visible", "DJI gps_number"))
        ]
        | None
    ) = None
    h_acc_m: Annotated[float, Field(ge=0, le=1000), FieldUnit("m", ("MAVLink GPS_RAW_INT.h_acc mm",))] | None = None
    v_acc_m: Annotated[float, Field(ge=0, le=1000), FieldUnit("m", ("MAVLink GPS_RAW_INT.v_acc mm",))] | None = None
    hdop: Annotated[float, Field(ge=0, le=1000), FieldUnit("1", ("MAVLink GPS_RAW_INT.eph 0.01",))] | None = None
    altitude_amsl_m: (
        Annotated[float, Field(ge=-430, le=9000), FieldUnit("m", ("MAVLink GLOBAL_POSITION_INT.alt mm", "DJI: none"))]
        | None
    ) = None
    altitude_ellipsoid_m: (
        Annotated[
            float, Field(ge=-430, le=9100), FieldUnit("m", ("MAVLink GPS_RAW_INT.alt_ellipsoid mm", "DJI height"))
        ]
        | None
    ) = None
    altitude_rel_m: (
        Annotated[
            float,
            Field(ge=-9000, le=9000),
            PlausibleRange(-500, 1500),
            FieldUnit("m", ("MAVLink GLOBAL_POSITION_INT.relative_alt mm", "DJI elevation")),
        ]
        | None
    ) = None
    height_agl_m: (
        Annotated[
            float,
            Field(ge=-100, le=9000),
            PlausibleRange(-10, 1500),
            FieldUnit("m", ("MAVLink ALTITUDE.altitude_terrain", "MAVLink ALTITUDE.bottom_clearance")),
        ]
        | None
    ) = None
    agl_source: Annotated[AglSource, FieldUnit("")] | None = None
    home_lat: (
        Annotated[Latitude, FieldUnit("°", ("MAVLink HOME_POSITION.latitude 1e-7°", "DJI home_latitude"))] | None
    ) = None
    home_lon: (
        Annotated[Longitude, FieldUnit("°", ("MAVLink HOME_POSITION.longitude 1e-7°", "DJI home_longitude"))] | None
    ) = None
    home_altitude_amsl_m: (
        Annotated[float, Field(ge=-430, le=9000), FieldUnit("m", ("MAVLink HOME_POSITION.altitude mm",))] | None
    ) = None
    home_distance_m: (
        Annotated[float, Field(ge=0, le=1e6), PlausibleRange(0, 15_000), FieldUnit("m", ("DJI home_distance",))] | None
    ) = None

    @model_validator(mode="after")
    def _drop_unknown_positions(self) -> Self:
        if self.fix is GpsFixType.NONE or _unknown(self.lat, self.lon):
            self.lat = self.lon = None
        if _unknown(self.home_lat, self.home_lon):
            self.home_lat = self.home_lon = None
        return self


class Motion(Envelope):
    """How the drone moves; `vertical_speed_ms` is positive upwards."""

    ground_speed_ms: (
        Annotated[
            float,
            Field(ge=0, le=200),
            PlausibleRange(0, 60),
            FieldUnit("m/s", ("MAVLink VFR_HUD.groundspeed", "DJI horizontal_speed")),
        ]
        | None
    ) = None
    vertical_speed_ms: (
        Annotated[
            float,
            Field(ge=-200, le=200),
            PlausibleRange(-30, 30),
            FieldUnit("m/s", ("MAVLink −GLOBAL_POSITION_INT.vz cm/s", "MAVLink VFR_HUD.climb", "DJI vertical_speed")),
        ]
        | None
    ) = None
    heading_deg: (
        Annotated[
            float,
            Field(ge=0, lt=360),
            FieldUnit("°", ("MAVLink GLOBAL_POSITION_INT.hdg 0.01°", "DJI attitude_head mod 360")),
        ]
        | None
    ) = None
    course_deg: Annotated[float, Field(ge=0, lt=360), FieldUnit("°", ("MAVLink GPS_RAW_INT.cog 0.01°",))] | None = None
    roll_deg: (
        Annotated[float, Field(ge=-180, le=180), FieldUnit("°", ("MAVLink ATTITUDE.roll rad", "DJI attitude_roll"))]
        | None
    ) = None
    pitch_deg: (
        Annotated[float, Field(ge=-90, le=90), FieldUnit("°", ("MAVLink ATTITUDE.pitch rad", "DJI attitude_pitch"))]
        | None
    ) = None
    flight_state: (
        Annotated[
            FlightState,
            FieldUnit(
                "", ("MAVLink EXTENDED_SYS_STATE.landed_state", "MAVLink HEARTBEAT.system_status", "DJI mode_code")
            ),
        ]
        | None
    ) = None
    armed: Annotated[bool, FieldUnit("", ("MAVLink HEARTBEAT.base_mode bit 128", "DJI mode_code"))] | None = None
    mode: Annotated[Text, FieldUnit("", ("MAVLink HEARTBEAT.custom_mode", "DJI mode_code"))] | None = None
    mode_reason: Annotated[Text, FieldUnit("", ("DJI mode_code_reason",))] | None = None
    wind_speed_ms: (
        Annotated[
            float,
            Field(ge=0, le=150),
            PlausibleRange(0, 60),
            FieldUnit("m/s", ("MAVLink HIGH_LATENCY2.windspeed", "DJI wind_speed")),
        ]
        | None
    ) = None
    """Estimate of the autopilot, no meteorological measurement."""
    wind_from_deg: (
        Annotated[
            float, Field(ge=0, lt=360), FieldUnit("°", ("MAVLink HIGH_LATENCY2.wind_heading", "DJI wind_direction"))
        ]
        | None
    ) = None


class Battery(Envelope):
    """The drone's supply as a whole, or one pack where the sample's `part` names one (`battery-1`)."""

    battery_pct: (
        Annotated[Percent, FieldUnit("%", ("MAVLink BATTERY_STATUS.battery_remaining", "DJI capacity_percent"))] | None
    ) = None
    battery_voltage_v: (
        Annotated[Volt, FieldUnit("V", ("MAVLink SYS_STATUS.voltage_battery mV", "DJI voltage mV"))] | None
    ) = None
    battery_current_a: (
        Annotated[float, Field(ge=-200, le=500), FieldUnit("A", ("MAVLink BATTERY_STATUS.current_battery cA",))] | None
    ) = None
    battery_temperature_c: (
        Annotated[
            float,
            Field(ge=-60, le=300),
            PlausibleRange(-20, 70),
            FieldUnit("°C", ("MAVLink BATTERY_STATUS.temperature 0.01°C", "DJI temperature")),
        ]
        | None
    ) = None
    battery_time_remaining_s: (
        Annotated[
            float,
            Field(ge=0, le=14_400),
            FieldUnit("s", ("MAVLink BATTERY_STATUS.time_remaining", "DJI remain_flight_time")),
        ]
        | None
    ) = None
    battery_rth_pct: Annotated[Percent, FieldUnit("%", ("DJI return_home_power",))] | None = None
    """Charge needed to return home from here."""
    battery_land_pct: Annotated[Percent, FieldUnit("%", ("DJI landing_power",))] | None = None
    """Charge at which the drone lands where it is."""
    battery_serial: (
        Annotated[Text, FieldUnit("", ("MAVLink SMART_BATTERY_INFO.serial_number", "DJI batteries[].sn"))] | None
    ) = None
    battery_cycles: (
        Annotated[
            int,
            Field(ge=0, le=100_000),
            FieldUnit("1", ("MAVLink SMART_BATTERY_INFO.cycle_count", "DJI batteries[].loop_times")),
        ]
        | None
    ) = None
    battery_cells: CellVoltages | None = None


class DroneTelemetry(Position, Motion, Battery, TelemetryMessage):
    """One sample: 1 Hz in flight (0.2–10 Hz are taken), 0.1 Hz on the ground, and one at each change of state.

    Packs report as parts `battery-1`, `battery-2`, … with the battery fields only.
    """

    HEAD: ClassVar[frozenset[str]] = Envelope.HEAD - {"boot_id"}
    """The boot is stored with each sample: a new one ends a flight."""

    control_link_pct: Annotated[Percent, FieldUnit("%", ("device-dependent RSSI, not rescaled",))] | None = None
    video_link_pct: Annotated[Percent, FieldUnit("%", ("DJI wireless_link",))] | None = None
    totals: LifetimeTotals | None = None


def _unknown(lat: float | None, lon: float | None) -> bool:
    return lat is None or lon is None or (lat == 0 and lon == 0)
