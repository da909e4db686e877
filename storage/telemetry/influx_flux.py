"""Flux texts. Values (ids, names, times) are parameters; the text holds only constants and parameter names."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from devices.instants import from_us
from devices.samples import SeriesKey

EACH_SAMPLE: Final = "received_at_us"
"""The field that every raw sample has."""
_RANGE: Final = "from(bucket: in_bucket)\n  |> range(start: from_time, stop: to_time)\n"
_MEASUREMENT: Final = "  |> filter(fn: (r) => r._measurement == of_measurement)\n"
_ASSET: Final = "  |> filter(fn: (r) => r.asset == of_asset)\n"
_PART: Final = "  |> filter(fn: (r) => r.part == of_part)\n"
_NO_PART: Final = "  |> filter(fn: (r) => not exists r.part)\n"


class Where(NamedTuple):
    """Bucket and range [from_us, to_us)."""

    bucket: str
    from_us: int
    to_us: int

    def values(self) -> dict[str, Any]:
        """Parameters of the range."""
        return {"in_bucket": self.bucket, "from_time": from_us(self.from_us), "to_time": from_us(self.to_us)}


class Flux(NamedTuple):
    """A query and the values of its parameters."""

    text: str
    values: dict[str, Any]


def values_of(where: Where, measurement: str, key: SeriesKey, fields: Sequence[str] | None) -> Flux:
    """Time, field and value of one series; `fields` None means all."""
    head = _series(where, measurement, key)
    text, values = _any_of("_field", "field", fields) if fields is not None else ("", {})
    keep = '  |> keep(columns: ["_time", "_field", "_value"])'
    return Flux(head.text + text + keep, head.values | values)


def counts_of(where: Where, key: SeriesKey, every: timedelta) -> Flux:
    """Number of samples of one series in each window that has some."""
    head = _series(where, key.series, key)
    text = (
        "  |> filter(fn: (r) => r._field == each_sample)\n"
        '  |> aggregateWindow(every: window, fn: count, createEmpty: false, timeSrc: "_start")\n'
        '  |> keep(columns: ["_time", "_value"])'
    )
    return Flux(head.text + text, head.values | {"each_sample": EACH_SAMPLE, "window": every})


def names_of(where: Where, asset_id: str) -> Flux:
    """One row per series and part in which the asset has samples."""
    text = (
        f"{_RANGE}{_ASSET}  |> filter(fn: (r) => r._field == each_sample)\n"
        '  |> last()\n  |> group()\n  |> keep(columns: ["_measurement", "part"])'
    )
    values = where.values() | {"of_asset": asset_id, "each_sample": EACH_SAMPLE}
    return Flux(text, values)


def newest_of(where: Where, measurement: str, field: str) -> Flux:
    """The newest value of a field that only one series has."""
    text = f"{_RANGE}{_MEASUREMENT}  |> filter(fn: (r) => r._field == of_field)\n  |> last()"
    return Flux(text, where.values() | {"of_measurement": measurement, "of_field": field})


def hours_of_all(where: Where, measurement: str) -> Flux:
    """One row per asset, part and hour that has samples."""
    text = (
        f"{_RANGE}{_MEASUREMENT}  |> filter(fn: (r) => r._field == each_sample)\n"
        '  |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")\n'
        '  |> keep(columns: ["_time", "asset", "part"])'
    )
    return Flux(text, where.values() | {"of_measurement": measurement, "each_sample": EACH_SAMPLE})


def numbers_of_many(where: Where, measurement: str, assets: Iterable[str], fields: Sequence[str]) -> Flux:
    """Time, field and value of all parts of several assets."""
    by_asset, assets_named = _any_of("asset", "asset", sorted(set(assets)))
    by_field, fields_named = _any_of("_field", "field", [EACH_SAMPLE, *fields])
    keep = '  |> keep(columns: ["_time", "_field", "_value", "asset", "part"])'
    values = where.values() | {"of_measurement": measurement}
    return Flux(_RANGE + _MEASUREMENT + by_asset + by_field + keep, values | assets_named | fields_named)


def _series(where: Where, measurement: str, key: SeriesKey) -> Flux:
    values = where.values()
    values |= {"of_measurement": measurement, "of_asset": key.asset_id}
    if key.part:
        values["of_part"] = key.part
    return Flux(_RANGE + _MEASUREMENT + _ASSET + (_PART if key.part else _NO_PART), values)


def _any_of(column: str, name: str, wanted: Sequence[str]) -> tuple[str, dict[str, str]]:
    """A filter for any of the values, which the storage engine evaluates itself (`contains` it would not)."""
    values = {f"{name}_{number}": value for number, value in enumerate(wanted)}
    condition = " or ".join(f"r.{column} == {parameter}" for parameter in values) or "false"
    return f"  |> filter(fn: (r) => {condition})\n", values
