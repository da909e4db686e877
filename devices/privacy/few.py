"""Counts of people's devices: under five they could be told apart, so that only `<5` is said."""

from collections.abc import Mapping
from typing import Any, Final

from devices.kind import DeviceKind

LEAST: Final = 5
FEW: Final = "<5"


def shown_count(value: object) -> Any:  # noqa: ANN401 - whatever it was, or text
    """A count as it may be shown."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < LEAST:
        return FEW
    return value


def shown_values(kind: DeviceKind | None, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values of a sample as they may be shown; the same object where none of them counts people's devices."""
    counted = kind.counts_people & values.keys() if kind is not None else frozenset()
    return {**values, **{name: shown_count(values[name]) for name in counted}} if counted else values


def shown_aggregates(kind: DeviceKind, values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Aggregates by field as they may be shown."""
    counted = kind.counts_people & values.keys()
    veiled = {name: {agg: shown_count(value) for agg, value in values[name].items()} for name in counted}
    return {**values, **veiled} if veiled else values
