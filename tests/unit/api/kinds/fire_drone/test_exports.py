"""One golden flight in every format, read back by readers that nobody here wrote: the numbers are the same."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import gpxpy
import pytest
from fastkml import KML
from fastkml.validator import validate
from lxml import etree

from api.kinds.fire_drone.exports.csv import DIALECTS, csv_rows
from api.kinds.fire_drone.exports.geojson import write_geojson
from api.kinds.fire_drone.exports.gpx import write_gpx
from api.kinds.fire_drone.exports.json_record import json_record
from api.kinds.fire_drone.exports.kml import write_kml
from api.kinds.fire_drone.exports.points import export_points, export_title
from devices.time_us import to_us
from tests.unit.api.kinds.fire_drone.golden import FLIGHT, LONE_S, PLACED, ROWS, TAKEOFF_US, row

KML_NAMES = {"k": "http://www.opengis.net/kml/2.2", "gx": "http://www.google.com/kml/ext/2.2"}
POSITIONS = [(r.ts_us, r.values["lat"], r.values["lon"], r.values.get("altitude_amsl_m")) for r in PLACED]


def text(pieces: Iterable[str]) -> str:
    return "".join(pieces)


def track(every: int = 1) -> Any:
    return export_points(ROWS, TAKEOFF_US, every)


def as_gpx(every: int = 1) -> str:
    return text(write_gpx(export_title(FLIGHT, "gpx", every), track(every)))


def as_kml() -> str:
    return text(write_kml(export_title(FLIGHT, "kml"), track()))


def as_geojson() -> Any:
    return json.loads(text(write_geojson(export_title(FLIGHT, "geojson"), track())))


def as_csv(dialect: str = "rfc4180") -> str:
    return text(csv_rows(track(), DIALECTS[dialect]))


def test_gpxpy_reads_every_position_time_and_altitude() -> None:
    (read,) = gpxpy.parse(as_gpx()).tracks
    found = [
        (to_us(cast("datetime", p.time)), p.latitude, p.longitude, p.elevation)
        for segment in read.segments
        for p in segment.points
    ]
    assert found == POSITIONS
    assert [len(segment.points) for segment in read.segments] == [40, 1, 10, 21]
    assert (read.name, read.segments[0].points[0].type_of_gpx_fix) == ("fritz 12", "dgps")


def test_gpx_children_keep_the_order_of_the_schema_and_speed_is_an_extension() -> None:
    root = etree.fromstring(as_gpx().encode())
    order = ["ele", "time", "fix", "sat", "hdop", "extensions"]
    for point in root.iter("{*}trkpt"):
        names = [etree.QName(child).localname for child in point]
        assert names == [name for name in order if name in names]
        assert {etree.QName(child).namespace for child in point[-1]} == {"urn:lautern:fire-drone:track:1"}
    assert all(time.text and time.text.endswith("Z") for time in root.iter("{*}time"))


def test_kml_is_valid_and_absolute_above_sea_level() -> None:
    written = as_kml()
    assert validate(element=etree.fromstring(written.encode())) is True
    root = etree.fromstring(written.encode())
    times = [t.text for t in root.iterfind(".//k:when", KML_NAMES)]
    coords = [(c.text or "").split() for c in root.iterfind(".//gx:coord", KML_NAMES)]
    assert len(times) == len(coords) == len(PLACED)
    assert [to_us(datetime.fromisoformat(str(t))) for t in times] == [r.ts_us for r in PLACED]
    assert [(float(c[1]), float(c[0])) for c in coords] == [(lat, lon) for _, lat, lon, _ in POSITIONS]
    modes = [m.text for m in root.iterfind(".//gx:Track/k:altitudeMode", KML_NAMES)]
    assert modes == ["clampToGround", "absolute", "absolute", "absolute"], "one altitude of the first line is unknown"
    assert [float(c[2]) for c in coords][-1] == PLACED[-1].values["altitude_amsl_m"]
    assert KML.from_string(written.partition("?>")[2]).features


def test_kml_adds_the_homes_altitude_to_heights_above_takeoff() -> None:
    known = row(1).values | {"home_altitude_amsl_m": 240.0}
    del known["altitude_amsl_m"]
    written = text(write_kml(export_title(FLIGHT, "kml"), export_points([replace(row(1), values=known)], TAKEOFF_US)))
    assert "<gx:coord>7.7690000 49.4447100 260.1</gx:coord>" in written
    assert "<altitudeMode>absolute" in written


def test_geojson_keeps_gaps_times_and_altitudes_apart() -> None:
    collection = as_geojson()
    line, lone = collection["features"]
    shape = [len(part) for part in line["geometry"]["coordinates"]]
    assert (line["geometry"]["type"], shape) == ("MultiLineString", [40, 10, 21])
    assert all(count >= 2 for count in shape)
    times = [t for part in line["properties"]["coordTimes"] for t in part]
    amsl = [a for part in line["properties"]["altitude_amsl_m"] for a in part]
    flat = [c for part in line["geometry"]["coordinates"] for c in part]
    read = [(to_us(datetime.fromisoformat(t)), c[1], c[0], a) for t, c, a in zip(times, flat, amsl, strict=True)]
    only = (to_us(datetime.fromisoformat(lone["properties"]["time"])), *lone["geometry"]["coordinates"][1::-1])
    assert only == (TAKEOFF_US + LONE_S * 10**6, 49.4453, 7.769)
    assert read == [p for p in POSITIONS if p[0] != only[0]]


def test_geojson_follows_rfc_7946() -> None:
    collection = as_geojson()
    assert "crs" not in collection
    line = collection["features"][0]
    flat = [c for part in line["geometry"]["coordinates"] for c in part]
    assert all(-180 <= c[0] <= 180 and -90 <= c[1] <= 90 and len(c) in {2, 3} for c in flat)
    assert len(flat[5]) == 2, "no third coordinate where the ellipsoid height is unknown"
    west, south, east, north = line["bbox"]
    assert (west, east, south, north) == (7.769, 7.769, 49.4447, 49.446)


def test_csv_has_all_samples_units_and_times() -> None:
    read = list(csv.DictReader(io.StringIO(as_csv(), newline="")))
    assert len(read) == len(ROWS)
    assert [to_us(datetime.fromisoformat(r["ts_utc"])) for r in read] == [r.ts_us for r in ROWS]
    placed = [(float(r["lat_deg"]), float(r["lon_deg"])) for r in read if r["lat_deg"]]
    assert placed == [(lat, lon) for _, lat, lon, _ in POSITIONS]
    assert read[5]["altitude_amsl_m"] == ""
    assert (read[0]["t_s"], read[40]["t_s"], read[40]["segment"]) == ("0.0", "60.0", "2")
    assert read[3]["mode"] == "'=HYPERLINK(0)"


def test_csv_for_german_spreadsheets_has_decimal_commas() -> None:
    read = list(csv.DictReader(io.StringIO(as_csv("de"), newline=""), delimiter=";"))
    assert read[1]["altitude_rel_m"] == "20,1"


def test_json_has_the_record_and_all_samples() -> None:
    read = json.loads(text(json_record({"id": "f0"}, 1, track())))
    assert (read["flight"], read["every"], len(read["points"])) == ({"id": "f0"}, 1, len(ROWS))
    assert read["points"][0] == {"ts": "2026-09-21T14:13:20.250Z", "t_s": 0.0, "segment": 1, **ROWS[0].values}


def test_thinning_keeps_the_ends_of_segments_and_is_said() -> None:
    kept = [round(p.t_s) for p in track(every=10)]
    assert kept == [0, 10, 20, 30, 39, 60, 80, 89, 90, 100, 109, 110, 120, 130]
    (read,) = gpxpy.parse(as_gpx(every=10)).tracks
    assert len(read.segments) == 4
    assert "every 10th sample" in (read.description or "")
    assert export_title(FLIGHT, "gpx", 10).file_name.endswith("_every10.gpx")


def test_a_file_is_named_by_time_drone_and_number() -> None:
    assert export_title(FLIGHT, "csv").file_name == "20260921T141320Z_fritz_12.csv"
    assert re.fullmatch(r"[0-9]{8}T[0-9]{6}Z_[A-Za-z0-9_-]+_[0-9]+\.gpx", export_title(FLIGHT, "gpx").file_name)
    assert datetime.fromtimestamp(TAKEOFF_US / 10**6, tz=UTC).strftime("%H%M%S") == "141320"


@pytest.mark.parametrize(
    "rows", [[], ROWS[:1], [r for r in ROWS if "lat" not in r.values]], ids=["none", "one", "blind"]
)
def test_short_and_blind_tracks_are_valid_in_every_format(rows: list[Any]) -> None:
    placed = sum("lat" in r.values for r in rows)
    heading = export_title(FLIGHT, "gpx")
    read = gpxpy.parse(text(write_gpx(heading, export_points(rows, TAKEOFF_US))))
    assert sum(len(s.points) for t in read.tracks for s in t.segments) == placed
    assert (
        validate(element=etree.fromstring(text(write_kml(heading, export_points(rows, TAKEOFF_US))).encode())) is True
    )
    collection = json.loads(text(write_geojson(heading, export_points(rows, TAKEOFF_US))))
    assert len(collection["features"]) == 1 + placed
    assert len(list(csv.reader(text(csv_rows(export_points(rows, TAKEOFF_US))).splitlines()))) == 1 + len(rows)
