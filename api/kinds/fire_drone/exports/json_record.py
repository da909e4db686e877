"""JSON: the flight's record and all its samples."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.kinds.fire_drone.exports.points import ExportPoint
from devices.time_us import rfc3339

MEDIA_TYPE: Final = "application/json"


def json_record(record: Mapping[str, Any], every: int, points: Iterable[ExportPoint]) -> Iterator[str]:
    """Yield `{"flight": …, "every": …, "points": […]}`."""
    yield f'{{"flight":{_json(record)},"every":{every},"points":['
    between = ""
    for point in points:
        head = {"ts": rfc3339(point.ts_us), "t_s": point.t_s, "segment": point.segment}
        yield between + _json({**head, **point.values})
        between = ",\n"
    yield "]}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
