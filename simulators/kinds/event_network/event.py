"""The demo's event in the format that POST /api/v1/events takes."""

from typing import Any, Final

from devices.time_us import DAY_US, HOUR_US, rfc3339
from simulators.kinds.event_network.scene import NetworkScene, NodePlace, mogli_scene

EVENT_ID: Final = "altstadtfest"
SETUP_US: Final = 6 * HOUR_US


def demo_event(now_us: int, *, prefix: str = "", tenant_id: str | None = None) -> dict[str, Any]:
    """Altstadtfest on the Stiftsplatz: live since a day, for nine more; device ids are those of the scene."""
    opened_us = now_us - now_us % HOUR_US - DAY_US
    scene = mogli_scene(prefix)
    event = {
        "id": EVENT_ID,
        "name": "Altstadtfest Kaiserslautern",
        "kind": "festival",
        "state": "confirmed",
        "time_zone": "Europe/Berlin",
        "place": {"name": "Stiftsplatz", "polygon": _box(49.4441, 7.7682, 49.4451, 7.7700)},
        "setup_from": rfc3339(opened_us - SETUP_US),
        "service_from": rfc3339(opened_us),
        "service_to": rfc3339(opened_us + 10 * DAY_US),
        "teardown_to": rfc3339(opened_us + 10 * DAY_US + SETUP_US),
        "organiser_ref": "veranstalter-7",
        "expected_attendees": 100_000,
        "expected_concurrent_users": 1000,
        "areas": [
            {"id": "stage", "name": "Bühne", "polygon": _box(49.4447, 7.7690, 49.4451, 7.7700)},
            {"id": "market", "name": "Marktstände", "polygon": _box(49.4441, 7.7682, 49.4447, 7.7690)},
            {"id": "gate", "name": "Eingang", "polygon": _box(49.4441, 7.7690, 49.4447, 7.7700)},
        ],
        "objects": [item for place in scene.places for item in _objects(place)],
        "bookings": _bookings(),
    }
    return event if tenant_id is None else {**event, "tenant_id": tenant_id}


def demo_assets(scene: NetworkScene) -> list[dict[str, Any]]:
    """The nodes as POST /api/v1/devices takes them; all but the core hang on the core."""
    core = scene.places[0].device_id
    return [
        {
            "id": place.device_id,
            "kind": "event_network",
            "name": place.name,
            "lat": place.lat,
            "lon": place.lon,
            "via": None if place.device_id == core else core,
            "attributes": {"role": place.role},
        }
        for place in scene.places
    ]


def _objects(place: NodePlace) -> list[dict[str, Any]]:
    return [
        {
            "id": part.object_id,
            "device_id": place.device_id,
            "part": part.name,
            "parent_id": part.parent_id,
            "area_id": part.area_id,
            "service_class": part.service_class,
            "down_is": part.down_is,
            "role": part.role,
            "medium": part.medium,
            "planned_lat": place.lat,
            "planned_lon": place.lon,
        }
        for part in place.parts
    ]


def _bookings() -> list[dict[str, Any]]:
    mega = 1_000_000
    rows = (
        ("visitors-stage", "visitors", "stage", 200, 60, "best_effort"),
        ("visitors-market", "visitors", "market", 120, 40, "best_effort"),
        ("bos-stage", "bos", "stage", 20, 20, "guaranteed"),
        ("bos-market", "bos", "market", 10, 10, "guaranteed"),
        ("press-stage", "press", "stage", 20, 50, "guaranteed"),
        ("traders-market", "traders", "market", 20, 10, "guaranteed"),
        ("traders-gate", "traders", "gate", 30, 10, "guaranteed"),
        ("cameras", "cameras", None, 2, 50, "guaranteed"),
    )
    return [
        {
            "id": name,
            "service_class": service_class,
            "area_id": area,
            "down_bps": down * mega,
            "up_bps": up * mega,
            "kind": kind,
            "max_loss_pct": 1.0 if kind == "guaranteed" else None,
            "max_rtt_ms": 50.0 if kind == "guaranteed" else None,
            "availability_target_pct": 99.9 if kind == "guaranteed" else None,
        }
        for name, service_class, area, down, up, kind in rows
    ]


def _box(south: float, west: float, north: float, east: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
