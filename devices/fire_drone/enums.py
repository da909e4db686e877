"""Words a drone uses in its telemetry and state."""

from enum import StrEnum


class TimeQuality(StrEnum):
    """Where the drone's clock gets its time from."""

    GNSS = "gnss"
    NTP = "ntp"
    RTC = "rtc"
    UNKNOWN = "unknown"


class GpsFixType(StrEnum):
    """Kind of position fix; MAVLink GPS_FIX_TYPE 0–1, 2, 3, 4, 5, 6."""

    NONE = "none"
    TWO_D = "2d"
    THREE_D = "3d"
    DGPS = "dgps"
    RTK_FLOAT = "rtk_float"
    RTK_FIXED = "rtk_fixed"


class AglSource(StrEnum):
    """What the height above ground was measured against."""

    LIDAR = "lidar"
    TERRAIN = "terrain"


class FlightState(StrEnum):
    """What the drone says of itself: MAVLink landed_state, or derived from DJI mode_code."""

    ON_GROUND = "on_ground"
    TAKING_OFF = "taking_off"
    AIRBORNE = "airborne"
    LANDING = "landing"
    EMERGENCY = "emergency"
    UNKNOWN = "unknown"
