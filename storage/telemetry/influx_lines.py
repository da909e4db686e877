"""Line protocol: samples and rollup pieces as text, precision µs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from application.ports.telemetry import RollupName
from application.telemetry.rollup import RollupPiece
from devices.samples import Sample, SeriesKey
from storage.telemetry.schema import FieldShape, FieldType, ShapeCache, StoreSchema, UnstorableError

HEADS_KEPT: Final = 50_000
# %r of a float is its shortest exact form; an int without suffix is a float; True and False are booleans.
_FORMATS: Final = {
    FieldType.FLOAT: "%r",
    FieldType.INT: "%di",
    FieldType.UINT: "%du",
    FieldType.BOOL: "%r",
    FieldType.TEXT: '"%s"',
}
_KEY: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_TEXT: Final = str.maketrans({"\\": "\\\\", '"': '\\"'})


@dataclass(slots=True)
class RenderedLines:
    """Lines of a batch by kind, each with its sample's index; `refused` says why others can never be stored."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    indexes: dict[str, list[int]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


class LineRenderer:
    """Makes lines of samples; remembers what devices and shapes have in common."""

    def __init__(self, schema: StoreSchema) -> None:
        self._templates = ShapeCache(schema, _template)
        self._heads: dict[tuple[str, str, str], str] = {}

    def render(self, samples: Sequence[Sample]) -> RenderedLines:
        """Lines without their ends, in order within each kind. One flat loop: it runs for every sample there is."""
        rendered = RenderedLines()
        heads, template_of = self._heads, self._templates.get
        for index, sample in enumerate(samples):
            asset_id, kind, _, series, part, ts_us, received_us, values, suspect = sample
            try:
                template, texts = template_of(sample)
                head = heads.get((series, asset_id, part)) or self._learn((series, asset_id, part))
            except UnstorableError as error:
                rendered.refused[index] = str(error)
                continue
            shown = _escaped(values, texts) if texts else values.values()
            line = head + template % (*shown, received_us, ",suspect=true" if suspect else "", ts_us)
            if kind not in rendered.lines:
                rendered.lines[kind], rendered.indexes[kind] = [], []
            rendered.lines[kind].append(line)
            rendered.indexes[kind].append(index)
        return rendered

    def _learn(self, identity: tuple[str, str, str]) -> str:
        if len(self._heads) >= HEADS_KEPT:
            self._heads.clear()
        head = self._heads[identity] = head_of(*identity)
        return head


def head_of(measurement: str, asset_id: str, part: str) -> str:
    """Measurement and tags, with the space after them. Raises UnstorableError for names line protocol cannot hold."""
    for name in (measurement, asset_id, part):
        if "\n" in name or name.endswith("\\") or name.startswith("#"):
            raise UnstorableError(f"{name!r} cannot be a name or tag")
    if not measurement or not asset_id:
        raise UnstorableError("series and asset must have names")
    part_tag = f",part={part.translate(_KEY)}" if part else ""
    return f"{measurement.translate(_KEY)},asset={asset_id.translate(_KEY)}{part_tag} "


def rollup_measurement(series: str, width: RollupName) -> str:
    """Measurement of a rollup; the dot cannot occur in a series."""
    return f"{series}.{width}"


def rollup_line(key: SeriesKey, width: RollupName, piece: RollupPiece) -> str:
    """One piece. Field `f` is the mean; `f.min`, `f.max`, `f.last` only if of several, `f.n` only if not `count`.

    Field names are the model's: identifiers, nothing to escape.
    """
    parts = [f"count={piece.count}i,covered_us={piece.covered_us}i"]
    for name, tally in piece.fields.items():
        parts.append(f"{name}={tally.mean!r}")
        if tally.samples > 1:
            parts.append(f"{name}.min={tally.low!r},{name}.max={tally.high!r},{name}.last={tally.last!r}")
        if tally.samples != piece.count:
            parts.append(f"{name}.n={tally.samples}i")
    return f"{head_of(rollup_measurement(key.series, width), key.asset_id, key.part)}{','.join(parts)} {piece.start_us}"


def rollup_fields(fields: Sequence[str]) -> list[str]:
    """Names under which `rollup_line` keeps these fields."""
    return ["count", "covered_us", *(f"{name}{end}" for name in fields for end in ("", ".min", ".max", ".last", ".n"))]


def rollup_tallies(
    stored: Mapping[str, float], fields: Sequence[str]
) -> Mapping[str, tuple[float, float, float, float, int]]:
    """Low, mean, high, last, count of each field out of what `rollup_line` wrote."""
    return {
        name: (
            stored.get(f"{name}.min", stored[name]),
            stored[name],
            stored.get(f"{name}.max", stored[name]),
            stored.get(f"{name}.last", stored[name]),
            int(stored.get(f"{name}.n", stored["count"])),
        )
        for name in fields
        if name in stored
    }


def _template(shape: FieldShape) -> tuple[str, tuple[int, ...]]:
    fields = zip(shape.names, shape.types, strict=True)
    text = "".join(f"{name.translate(_KEY).replace('%', '%%')}={_FORMATS[each]}," for name, each in fields)
    texts = tuple(place for place, each in enumerate(shape.types) if each == FieldType.TEXT)
    return text + "received_at_us=%di%s %d", texts


def _escaped(values: Mapping[str, object], texts: Sequence[int]) -> list[object]:
    escaped = list(values.values())
    for place in texts:
        escaped[place] = str(escaped[place]).translate(_TEXT)
    return escaped
