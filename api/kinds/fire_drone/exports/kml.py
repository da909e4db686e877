"""KML 2.2 with Google's tracks: absolute altitudes above sea level, a track per unbroken line."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from api.kinds.fire_drone.exports.points import ExportPoint, ExportTitle
from devices.time_us import rfc3339

MEDIA_TYPE: Final = "application/vnd.google-earth.kml+xml"


def write_kml(title: ExportTitle, points: Iterable[ExportPoint]) -> Iterator[str]:
    """Yield the file.

    Where only heights above take-off are known, the home's altitude is added; without that the line lies on the ground.
    """
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">\n'
        f"<Document><name>{escape(title.name)}</name><Placemark><name>{escape(title.name)}</name>"
        f"<description>{escape(title.description)}</description>\n<gx:MultiTrack>\n"
    )
    first = True
    for _, line in groupby((point for point in points if point.placed), key=lambda point: point.line):
        yield from _track(list(line), say_interpolate=first)
        first = False
    yield "</gx:MultiTrack></Placemark></Document></kml>\n"


def _track(line: list[ExportPoint], *, say_interpolate: bool) -> Iterator[str]:
    heights = [_above_sea_m(point) for point in line]
    known = all(height is not None for height in heights)
    mode = "absolute" if known else "clampToGround"
    if say_interpolate:
        yield f"<altitudeMode>{mode}</altitudeMode><gx:interpolate>0</gx:interpolate>\n"
    yield f"<gx:Track><altitudeMode>{mode}</altitudeMode>\n"
    for point in line:
        yield f"<when>{rfc3339(point.ts_us)}</when>\n"
    for point, height in zip(line, heights, strict=True):
        yield f"<gx:coord>{point.values['lon']:.7f} {point.values['lat']:.7f} {height if known else 0}</gx:coord>\n"
    yield "</gx:Track>\n"


def _above_sea_m(point: ExportPoint) -> float | None:
    amsl = point.number("altitude_amsl_m")
    if amsl is not None:
        return amsl
    home, above = point.number("home_altitude_amsl_m"), point.number("altitude_rel_m")
    return None if home is None or above is None else round(home + above, 3)
