"""Flux texts. Values (ids, names, times) are parameters; the text holds only constants and parameter names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple

from application.ports.telemetry import Aggregate
from devices.samples import SeriesKey
from devices.time_us import from_us

EACH_SAMPLE: Final = "received_at_us"
"""The field that every raw sample has."""
_RANGE: Final = "from(bucket: in_bucket)\n  |> range(start: from_time, stop: to_time)\n"
_MEASUREMENT: Final = "  |> filter(fn: (r) => r._measurement == of_measurement)\n"
_ASSET: Final = "  |> filter(fn: (r) => r.asset == of_asset)\n"
_PART: Final = "  |> filter(fn: (r) => r.part == of_part)\n"
_NO_PART: Final = "  |> filter(fn: (r) => not exists r.part)\n"


class FluxRange(NamedTuple):
    """Bucket and range [from_us, to_us)."""

    bucket: str
    from_us: int
    to_us: int

    def values(self) -> dict[str, Any]:
        """Parameters of the range."""
        return {"in_bucket": self.bucket, "from_time": from_us(self.from_us), "to_time": from_us(self.to_us)}


class FluxQuery(NamedTuple):
    """A query and the values of its parameters."""

    text: str
    values: dict[str, Any]


def values_of(where: FluxRange, measurement: str, key: SeriesKey, fields: Sequence[str] | None) -> FluxQuery:
    """Time, field and value of one series; `fields` None means all."""
    head = _series(where, measurement, key)
    text, values = _any_of("_field", "field", fields) if fields is not None else ("", {})
    keep = '  |> keep(columns: ["_time", "_field", "_value"])'
    return FluxQuery(head.text + text + keep, head.values | values)


def counts_of(where: FluxRange, key: SeriesKey, every: timedelta) -> FluxQuery:
    """Number of samples of one series in each window that has some."""
    head = _series(where, key.series, key)
    text = (
        "  |> filter(fn: (r) => r._field == each_sample)\n"
        '  |> aggregateWindow(every: window, fn: count, createEmpty: false, timeSrc: "_start")\n'
        '  |> keep(columns: ["_time", "_value"])'
    )
    return FluxQuery(head.text + text, head.values | {"each_sample": EACH_SAMPLE, "window": every})


def windows_of(  # noqa: PLR0917
    where: FluxRange, measurement: str, key: SeriesKey, fields: Sequence[str], function: str, every: timedelta
) -> FluxQuery:
    """What a function of Flux makes of each field in each window that has some; its name is ours, never a caller's."""
    head = _series(where, measurement, key)
    text, values = _any_of("_field", "field", fields)
    text += (
        f'  |> aggregateWindow(every: window, fn: {function}, createEmpty: false, timeSrc: "_start")\n'
        '  |> keep(columns: ["_time", "_field", "_value"])'
    )
    return FluxQuery(head.text + text, head.values | values | {"window": every})


def ranks_of(
    where: FluxRange,
    key: SeriesKey,
    fields: Sequence[str],
    shares: Mapping[Aggregate, float | None],
    percentiles: Mapping[Aggregate, float],
    *,
    are_floats: bool,
) -> FluxQuery:
    """One row per field and percentile, its name in the column `rank`, over the whole range; and one for its mean.

    The server's mean of whole numbers overflows, so that they become floats before.

    `shares`: where the server's interpolation hits the rank exactly, which takes a fifth of the time and memory of its
    own selection; None where it cannot.
    """
    head = _series(where, key.series, key)
    text, values = _any_of("_field", "field", fields)
    ranks = []
    for number, (name, share) in enumerate(shares.items()):
        # As text: a parameter's last bit is lost on its way.
        literal = f"{percentiles[name] if share is None else share:.30f}"
        values[f"name_{number}"] = name
        method = "exact_selector" if share is None else "exact_mean"
        ranks.append(
            f'    data |> quantile(q: {literal}, method: "{method}")\n'
            f'      |> keep(columns: ["_field", "_value"]) |> set(key: "rank", value: name_{number}),\n'
        )
    floats = "" if are_floats else "  |> toFloat()\n"
    keep = '|> keep(columns: ["_field", "_value"])'
    ranks.append(f'    data |> mean() {keep} |> set(key: "rank", value: "mean"),\n')
    text = f"data = {head.text}{text}{floats}union(tables: [\n{''.join(ranks)}])"
    return FluxQuery(text, head.values | values)


def gaps_of(where: FluxRange, key: SeriesKey, longer_than_us: int) -> FluxQuery:
    """Each sample that came so long after the one before, and how long (`elapsed`), µs."""
    head = _series(where, key.series, key)
    text = (
        '  |> filter(fn: (r) => r._field == each_sample)\n  |> keep(columns: ["_time"])\n'
        "  |> elapsed(unit: 1us)\n  |> filter(fn: (r) => r.elapsed > longer_than)"
    )
    return FluxQuery(head.text + text, head.values | {"each_sample": EACH_SAMPLE, "longer_than": longer_than_us})


def end_of(where: FluxRange, key: SeriesKey, which: Literal["first", "last"]) -> FluxQuery:
    """The first or last sample's time."""
    head = _series(where, key.series, key)
    text = f'  |> filter(fn: (r) => r._field == each_sample)\n  |> {which}()\n  |> keep(columns: ["_time"])'
    return FluxQuery(head.text + text, head.values | {"each_sample": EACH_SAMPLE})


def names_of(where: FluxRange, asset_id: str) -> FluxQuery:
    """One row per series and part in which the asset has samples."""
    text = (
        f"{_RANGE}{_ASSET}  |> filter(fn: (r) => r._field == each_sample)\n"
        '  |> last()\n  |> group()\n  |> keep(columns: ["_measurement", "part"])'
    )
    values = where.values() | {"of_asset": asset_id, "each_sample": EACH_SAMPLE}
    return FluxQuery(text, values)


def newest_of(where: FluxRange, measurement: str, field: str) -> FluxQuery:
    """The newest value of a field that only one series has."""
    text = f"{_RANGE}{_MEASUREMENT}  |> filter(fn: (r) => r._field == of_field)\n  |> last()"
    return FluxQuery(text, where.values() | {"of_measurement": measurement, "of_field": field})


def hours_of_all(where: FluxRange, measurement: str) -> FluxQuery:
    """One row per asset, part and hour that has samples."""
    text = (
        f"{_RANGE}{_MEASUREMENT}  |> filter(fn: (r) => r._field == each_sample)\n"
        '  |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")\n'
        '  |> keep(columns: ["_time", "asset", "part"])'
    )
    return FluxQuery(text, where.values() | {"of_measurement": measurement, "each_sample": EACH_SAMPLE})


def numbers_of_many(where: FluxRange, measurement: str, assets: Iterable[str], fields: Sequence[str]) -> FluxQuery:
    """Time, field and value of all parts of several assets."""
    by_asset, assets_named = _any_of("asset", "asset", sorted(set(assets)))
    by_field, fields_named = _any_of("_field", "field", [EACH_SAMPLE, *fields])
    keep = '  |> keep(columns: ["_time", "_field", "_value", "asset", "part"])'
    values = where.values() | {"of_measurement": measurement}
    return FluxQuery(_RANGE + _MEASUREMENT + by_asset + by_field + keep, values | assets_named | fields_named)


def _series(where: FluxRange, measurement: str, key: SeriesKey) -> FluxQuery:
    values = where.values()
    values |= {"of_measurement": measurement, "of_asset": key.asset_id}
    if key.part:
        values["of_part"] = key.part
    return FluxQuery(_RANGE + _MEASUREMENT + _ASSET + (_PART if key.part else _NO_PART), values)


def _any_of(column: str, name: str, wanted: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """A filter for any of the values, which the storage engine evaluates itself (`contains` it would not)."""
    values: dict[str, Any] = {f"{name}_{number}": value for number, value in enumerate(wanted)}
    condition = " or ".join(f"r.{column} == {parameter}" for parameter in values) or "false"
    return f"  |> filter(fn: (r) => {condition})\n", values
