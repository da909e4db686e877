"""GPX 1.1: UTC times, `ele` above mean sea level only, everything else in extensions of our own namespace."""

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final
from xml.sax.saxutils import escape

from api.kinds.fire_drone.exports.points import ExportPoint, ExportTitle
from devices.time_us import rfc3339

MEDIA_TYPE: Final = "application/gpx+xml"
NAMESPACE: Final = "urn:lautern:fire-drone:track:1"
_FIX: Final = MappingProxyType(
    {"none": "none", "2d": "2d", "3d": "3d", "dgps": "dgps", "rtk_float": "dgps", "rtk_fixed": "dgps"}
)
_EXTENSIONS: Final = (
    "altitude_rel_m",
    "altitude_ellipsoid_m",
    "height_agl_m",
    "ground_speed_ms",
    "vertical_speed_ms",
    "heading_deg",
    "course_deg",
    "flight_state",
    "battery_pct",
    "battery_voltage_v",
)


def write_gpx(title: ExportTitle, points: Iterable[ExportPoint]) -> Iterator[str]:
    """Yield the file; one `trkseg` per unbroken line, no point without a position."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="Lautern" xmlns="http://www.topografix.com/GPX/1/1" '
        f'xmlns:l="{NAMESPACE}">\n'
        f"<trk><name>{escape(title.name)}</name><desc>{escape(title.description)}</desc>\n"
    )
    line = 0
    for point in points:
        if not point.placed:
            continue
        if point.line != line:
            yield "<trkseg>\n" if line == 0 else "</trkseg>\n<trkseg>\n"
            line = point.line
        yield _point(point)
    yield ("</trkseg>\n" if line else "") + "</trk>\n</gpx>\n"


def _point(point: ExportPoint) -> str:
    # GPX fixes the order of the children: ele, time, fix, sat, hdop, extensions.
    values = point.values
    parts = [f'<trkpt lat="{values["lat"]:.7f}" lon="{values["lon"]:.7f}">']
    if "altitude_amsl_m" in values:
        parts.append(f"<ele>{values['altitude_amsl_m']}</ele>")
    parts.append(f"<time>{rfc3339(point.ts_us)}</time>")
    if values.get("fix") in _FIX:
        parts.append(f"<fix>{_FIX[str(values['fix'])]}</fix>")
    if "satellites" in values:
        parts.append(f"<sat>{values['satellites']}</sat>")
    if "hdop" in values:
        parts.append(f"<hdop>{values['hdop']}</hdop>")
    more = "".join(f"<l:{name}>{escape(str(values[name]))}</l:{name}>" for name in _EXTENSIONS if name in values)
    parts.append(f"<extensions>{more}</extensions></trkpt>\n" if more else "</trkpt>\n")
    return "".join(parts)
