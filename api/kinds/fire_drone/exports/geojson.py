"""GeoJSON (RFC 7946): a line per unbroken part, a third coordinate only where the ellipsoid height is known."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from api.kinds.fire_drone.exports.points import ExportPoint, ExportTitle
from devices.time_us import rfc3339

MEDIA_TYPE: Final = "application/geo+json"


def write_geojson(title: ExportTitle, points: Iterable[ExportPoint]) -> Iterator[str]:
    """Yield a FeatureCollection: the track as MultiLineString, and samples alone between two gaps as Points.

    `coordTimes` and the altitudes have the shape of the coordinates.
    """
    yield '{"type":"FeatureCollection","features":[{"type":"Feature",'
    yield '"geometry":{"type":"MultiLineString","coordinates":['
    lines = _Lines()
    for point in points:
        if point.placed:
            yield lines.add(point)
    yield lines.end()
    properties = {"name": title.name, "description": title.description, **lines.properties()}
    yield f']}},"properties":{_json(properties)}{_bbox(lines.box)}}}'
    for lone in lines.lone:
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": _position(lone)},
            "properties": {"time": rfc3339(lone.ts_us), **_altitudes(lone)},
        }
        yield "," + _json(feature)
    yield "]}\n"


class _Lines:
    """Writes coordinates as they come; a line begins with its second point."""

    def __init__(self) -> None:
        self._first: ExportPoint | None = None
        self._line = 0
        self._times: list[list[str]] = []
        self._amsl: list[list[float | None]] = []
        self._rel: list[list[float | None]] = []
        self.lone: list[ExportPoint] = []
        self.box: list[tuple[float, ...]] = []

    def add(self, point: ExportPoint) -> str:
        if point.line != self._line:
            text = self.end()
            self._line, self._first = point.line, point
            return text
        first, self._first = self._first, None
        if first is None:
            self._note(point)
            return "," + _json(_position(point))
        between = "," if self._times else ""
        self._times.append([])
        self._amsl.append([])
        self._rel.append([])
        self._note(first)
        self._note(point)
        return f"{between}[{_json(_position(first))},{_json(_position(point))}"

    def end(self) -> str:
        """End the line that is open."""
        lone, self._first = self._first, None
        if lone is not None:
            self.lone.append(lone)
            return ""
        return "]" if self._line else ""

    def properties(self) -> dict[str, Any]:
        return {
            "coordTimes": self._times,
            "altitude_amsl_m": self._amsl,
            "altitude_rel_m": self._rel,
            "altitude_reference": "coordinates: WGS84 ellipsoid where given; amsl: mean sea level; rel: take-off",
        }

    def _note(self, point: ExportPoint) -> None:
        self._times[-1].append(rfc3339(point.ts_us))
        self._amsl[-1].append(point.number("altitude_amsl_m"))
        self._rel[-1].append(point.number("altitude_rel_m"))
        position = tuple(_position(point))
        if not self.box:
            self.box = [position, position]
        size = min(len(position), len(self.box[0]))
        self.box = [
            tuple(min(a, b) for a, b in zip(self.box[0][:size], position, strict=False)),
            tuple(max(a, b) for a, b in zip(self.box[1][:size], position, strict=False)),
        ]


def _position(point: ExportPoint) -> list[float]:
    position = [round(float(point.values["lon"]), 7), round(float(point.values["lat"]), 7)]
    ellipsoid = point.number("altitude_ellipsoid_m")
    return position if ellipsoid is None else [*position, ellipsoid]


def _altitudes(point: ExportPoint) -> dict[str, float | None]:
    return {name: point.number(name) for name in ("altitude_amsl_m", "altitude_rel_m")}


def _bbox(box: list[tuple[float, ...]]) -> str:
    return f',"bbox":{_json([*box[0], *box[1]])}' if box else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
