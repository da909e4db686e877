"""Counts of people or their devices: none from one to four can be made out, however figures are put together.

What is counted is rounded up to a multiple of four when it comes in, before it is stored, compared or told, and up to
four is said as `<5`. So whatever is computed later, over whatever range, is computed from rounded counts and tells no
more than they do. A total and its parts, each rounded so, leave at least two counts open for each that is under five:
the highest that a rounded count can stand for is a multiple of four, the lowest that one above can is one more than a
multiple, and so a total never forces its parts to their highest. That holds for parts in one direction: where a sample
also splits its count (by band), the split is taken in only where each of its counts is five or more. What is rounded
already stays what it is; figures stored before this rule are rounded when they are shown.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from application.ports.telemetry import Aggregate
from devices.kind import DeviceKind
from devices.samples import Value

STEP: Final = 4
LEAST: Final = 5
FEW: Final = "<5"
_EXTREMES: Final[tuple[Aggregate, ...]] = ("min", "max")
_OF_ALL: Final = frozenset({"mean", "sum"})
"""What every sample enters: not told where some are few, since that could be solved for them."""
_DEEPEST: Final = 32


def round_count(count: float) -> int:
    """The count, or the figure between counts, rounded up to a multiple of four, and at least four."""
    return max(STEP, int(-(-count // STEP)) * STEP)


def rounded_values(kind: DeviceKind, values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Values of a sample as they are taken in; the same object where none of them counts people."""
    counted = {n: v for n in kind.counts_people & values.keys() if _is_number(v := values[n])}
    if not counted:
        return values
    apart = kind.counts_apart & counted.keys()
    left = apart if any(counted[name] < LEAST for name in apart) else frozenset()  # type: ignore[operator]
    taken = {name: round_count(value) for name, value in counted.items() if name not in left}  # type: ignore[arg-type]
    return {name: value for name, value in values.items() if name not in left} | taken


def shown_count(value: object) -> Any:  # noqa: ANN401 - whatever it was, or text
    """A count as it may be shown."""
    if not _is_number(value):
        return value
    return FEW if value < LEAST else round_count(value)  # type: ignore[operator, arg-type]


def shown_values(kind: DeviceKind | None, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values of a sample as they may be shown; the same object where none of them counts people."""
    counted = kind.counts_people & values.keys() if kind is not None else frozenset()
    return {**values, **{name: shown_count(values[name]) for name in counted}} if counted else values


def needed_aggregates(kind: DeviceKind, fields: Collection[str], wanted: Sequence[Aggregate]) -> Sequence[Aggregate]:
    """Aggregates to read so that `shown_aggregates` can tell what may be shown of the wanted ones."""
    return list(dict.fromkeys((*wanted, *_EXTREMES))) if kind.counts_people & set(fields) else wanted


def shown_aggregates(
    kind: DeviceKind, values: Mapping[str, Mapping[str, Any]], wanted: Collection[str]
) -> Mapping[str, Mapping[str, Any]]:
    """The wanted aggregates by field as they may be shown; None is not told. `values`: of all that are `needed`."""
    counted = kind.counts_people & values.keys()
    if not counted:
        return values
    return {
        name: {agg: _shown(agg, found) if name in counted else found[agg] for agg in wanted if agg in found}
        for name, found in values.items()
    }


def _shown(aggregate: str, found: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a number, text, None
    value = found[aggregate]
    if aggregate == "count":  # of samples
        return value
    if aggregate in _OF_ALL and found["min"] < LEAST:
        return FEW if aggregate == "mean" and found["max"] < LEAST else None
    return shown_count(value)


def shown_payload(kind: DeviceKind | None, payload: bytes) -> bytes | None:
    """Bytes of a refused message as they may be shown; None: it cannot be seen what they count."""
    if kind is None or not kind.counts_people:
        return payload
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return _broken(kind, payload)
    found = _veiled(kind.counts_people, document, 0)
    return payload if found == document else json.dumps(found, ensure_ascii=False).encode(errors="replace")


def _veiled(counted: Collection[str], value: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
    if depth > _DEEPEST:
        return None
    if isinstance(value, list):
        return [_veiled(counted, item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {k: shown_count(v) if k in counted else _veiled(counted, v, depth + 1) for k, v in value.items()}
    return value


def _broken(kind: DeviceKind, payload: bytes) -> bytes | None:
    """Of what is no JSON: numbers behind the names go; an escape could hide a name."""
    if b"\\u" in payload:
        return None
    names = "|".join(map(re.escape, sorted(kind.counts_people)))
    return re.sub(rf'({names})("?\s*[:=]?\s*"?)[-+.\deE]+'.encode(), rb"\1\2" + FEW.encode(), payload)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
