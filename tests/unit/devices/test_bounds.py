"""Every number that a device may say has bounds: what is let in must fit every database and every sum."""

from collections.abc import Iterator
from typing import Any

import pytest

from devices.kind_catalog import discover_kinds
from devices.messages import AckMessage, Envelope

LARGEST = 2**64
MODELS = {
    f"{kind.name} {name}": model
    for kind in discover_kinds().values()
    for name, model in dict[str, type[Envelope]](
        {
            "telemetry": kind.telemetry,
            "state": kind.state,
            "info": kind.info,
            "ack": AckMessage,
            **kind.events,
        }
    ).items()
}


@pytest.mark.parametrize("name", MODELS)
def test_every_number_has_bounds(name: str) -> None:
    model = MODELS[name]
    numbers = list(_numbers(model.model_json_schema(), ""))
    assert numbers, "each has a seq"
    assert [place for place, schema in numbers if not _bounded(schema)] == []


def _numbers(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, list):
        for one in schema:
            yield from _numbers(one, place)
    if isinstance(schema, dict):
        if schema.get("type") in {"integer", "number"} and "const" not in schema and "enum" not in schema:
            yield place, schema
        for name, inner in schema.items():
            yield from _numbers(inner, f"{place}/{name}")


def _bounded(schema: dict[str, Any]) -> bool:
    low = max(schema.get(name, float("-inf")) for name in ("minimum", "exclusiveMinimum"))
    high = min(schema.get(name, float("inf")) for name in ("maximum", "exclusiveMaximum"))
    return bool(-LARGEST <= low <= high <= LARGEST)
