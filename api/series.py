"""Questions about stored series: which fields there are, which range is meant, where nothing came."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from types import UnionType
from typing import Annotated, Final, Union, get_args, get_origin

from pydantic import BaseModel

from application.ports.desired_configs import DesiredConfigs
from application.ports.inventory import Asset
from application.ports.registry import RegistryTransaction
from application.ports.telemetry import TelemetryBucket
from devices.errors import Invalid, NotFound
from devices.kind import DeviceKind
from devices.kind import interval_s as told_interval_s
from devices.messages import Envelope
from devices.samples import TELEMETRY
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US

_UNITS: Final = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_WIDTH: Final = re.compile(r"([1-9]\d{0,4})([smhd])", re.ASCII)
_GAP_INTERVALS: Final = 3
Span = tuple[int, int]


def width_us(bucket: str) -> int:
    """Width of `5m`, `1h`, `1d` in µs. Raises Invalid."""
    match = _WIDTH.fullmatch(bucket)
    if match is None or (width := int(match[1]) * _UNITS[match[2]]) > 31 * DAY_US:
        raise Invalid("no_bucket_width", field="query.bucket")
    return width


def model_of(kind: DeviceKind, series: str) -> type[Envelope]:
    """Model of a series: `telemetry` or `event_{name}`. Raises Invalid."""
    if series == TELEMETRY:
        return kind.telemetry
    event = kind.events.get(series.removeprefix("event_")) if series.startswith("event_") else None
    if event is None:
        known = [TELEMETRY, *(f"event_{n}" for n in kind.events)]
        raise Invalid("not_one_of", allowed=known, field="query.series")
    return event


def fields_of(model: type[Envelope]) -> Mapping[str, bool]:
    """Stored fields of a model in order, flat; True for those that are numbers."""
    found: dict[str, bool] = {}
    for name, field in model.model_fields.items():
        if name not in model.HEAD:
            found.update(_flat(name, field.annotation))
    return found


def chosen_fields(model: type[Envelope], fields: str | None, *, numeric: bool) -> Sequence[str]:
    """Fields asked for as `a,b`, all when None. Raises Invalid naming one that there is not, or that is no number."""
    known = fields_of(model)
    if fields is None:
        return [n for n, is_number in known.items() if is_number or not numeric]
    wanted = list(dict.fromkeys(fields.split(",")))
    for name in wanted:
        if name not in known:
            raise Invalid("no_such_field", name=name, field=f"query.fields.{name}")
        if numeric and not known[name]:
            raise Invalid("not_a_number", name=name, field=f"query.fields.{name}")
    return wanted


def interval_s(tx: RegistryTransaction, kind: DeviceKind, asset: Asset) -> float:
    """Seconds between samples that are to be expected of an asset."""
    try:
        configured = tx.get(DesiredConfigs).get(asset.asset_id).body.get("reporting_interval_s")
    except NotFound:
        configured = None
    return told_interval_s(kind.limits.reporting_interval_s, configured, asset.attributes.get("reporting_interval_s"))


def gaps_between(instants: Iterable[int], span: Span, interval: float) -> list[Span]:
    """Spans longer than three intervals (s) without a sample, ends of the span included."""
    edge_us = round(_GAP_INTERVALS * interval * SECOND_US)
    begin, end = span
    return [(a, b) for a, b in pairwise((begin, *instants, end)) if b - a > edge_us]


def gaps_beside(buckets: Sequence[TelemetryBucket], width: int, span: Span, interval: float) -> list[Span]:
    """Spans longer than three intervals (s) between buckets that have samples."""
    edge_us = round(_GAP_INTERVALS * interval * SECOND_US)
    begin, end = span
    ends = [begin, *(b.start_us + width for b in buckets)]
    starts = [*(b.start_us for b in buckets), end]
    return [(a, b) for a, b in zip(ends, starts, strict=True) if b - a > edge_us]


def _flat(name: str, annotation: object) -> Mapping[str, bool]:
    found: dict[str, bool] = {}
    for kind in _alternatives(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for inner, field in kind.model_fields.items():
                found.update(_flat(f"{name}_{inner}", field.annotation))
        elif get_origin(kind) not in {list, tuple, dict} and kind not in {list, tuple, dict}:
            number = isinstance(kind, type) and issubclass(kind, int | float) and not issubclass(kind, bool | Enum)
            found[name] = number
    return found


def _alternatives(annotation: object) -> Iterable[object]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for one in get_args(annotation):
            yield from _alternatives(one)
    elif annotation is not type(None):
        yield annotation
