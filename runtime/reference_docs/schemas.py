"""JSON Schemas of wire models, with units and names elsewhere as `x-unit`, `x-standards`, `x-plausible`."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from runtime.reference_docs.fields import described_fields, nested_models

PLACE: Final = "#/components/schemas/"
Schema = dict[str, Any]
_MAPS: Final = frozenset({"properties", "patternProperties"})
_CHOICES: Final = frozenset({"anyOf", "allOf", "oneOf"})
_SAID: Final = (True, False)
"""Of additional properties: that they are ignored and counted is said once, at the top of the file."""


def schemas_of(models: Collection[type[BaseModel]]) -> tuple[Mapping[type[BaseModel], str], dict[str, Schema]]:
    """Name of each model's schema, and all schemas by name, those of nested models and enums too."""
    everything = sorted(
        {inner for model in models for inner in nested_models(model)}, key=lambda m: (m.__name__, m.__module__)
    )
    references, found = models_json_schema([(m, "validation") for m in everything], ref_template=PLACE + "{model}")
    names = {m: references[m, "validation"]["$ref"].removeprefix(PLACE) for m in everything}
    schemas = {name: _tidy(schema) for name, schema in found["$defs"].items()}
    for model, name in names.items():
        schemas[name] = _annotated(schemas[name], model)
    return names, dict(sorted(schemas.items()))


def _annotated(schema: Schema, model: type[BaseModel]) -> Schema:
    properties = schema.get("properties", {})
    for field in described_fields(model):
        about: Schema = {}
        if field.text:
            about["description"] = field.text
        if field.unit is not None and field.unit.symbol:
            about["x-unit"] = field.unit.symbol
        if field.unit is not None and field.unit.standards:
            about["x-standards"] = list(field.unit.standards)
        if field.plausible is not None:
            about["x-plausible"] = [field.plausible.low, field.plausible.high]
        properties[field.name] = _apart({**properties[field.name], **about})
    return schema


def _tidy(schema: Schema) -> Schema:
    """Leave out what says nothing to a device maker: titles, and null, for what is unknown is absent."""
    tidied: Schema = {}
    for key, value in schema.items():
        if key == "title" or (key == "default" and value is None) or (key == "additionalProperties" and value in _SAID):
            continue
        if key in _MAPS:
            tidied[key] = {name: _tidy(inner) for name, inner in value.items()}
        elif key in _CHOICES:
            options = [_tidy(option) for option in value if option != {"type": "null"}]
            tidied |= options[0] if len(options) == 1 else {key: options}
        else:
            tidied[key] = _tidy(value) if isinstance(value, dict) and key != "default" else value
    return _apart(tidied)


def _apart(schema: Schema) -> Schema:
    """JSON Schema draft 7 ignores what stands beside a reference."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {"allOf": [{"$ref": schema["$ref"]}], **rest}
