"""Types of what people send: bounded, without control characters, unknown fields refused."""

import json
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

from devices.errors import ValueRefused
from devices.kind import LONGEST_INTERVAL_S, interval_s
from devices.wording.validation import ID_PATTERN

_LONGEST_ATTRIBUTES: Final = 16_384
ID: Final = ID_PATTERN
PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
IdInPath = Annotated[str, Path(pattern=ID)]
RecordInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:@-]{1,200}$")]
"""Id of a record that the program made."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
Comment = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def _int64(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueRefused("beyond_64_bits")
    return number


def _bounded(attributes: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(attributes, allow_nan=False, ensure_ascii=False)
    if len(text.encode()) > _LONGEST_ATTRIBUTES:
        raise ValueRefused("json_too_long", most=_LONGEST_ATTRIBUTES)
    if "\\u0000" in text:
        raise ValueRefused("contains_nul")
    json.loads(text, parse_int=_int64)
    return attributes


def _usable(attributes: dict[str, Any]) -> dict[str, Any]:
    interval = attributes.get("reporting_interval_s")
    if interval is not None and interval_s(0, interval) == 0:
        raise ValueRefused("no_interval", most=LONGEST_INTERVAL_S)
    return attributes


Settings = Annotated[
    dict[AttributeName, JsonValue],
    Field(max_length=64),
    AfterValidator(_bounded),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""What a device shall be set to; its kind says which there are."""
Attributes = Annotated[Settings, AfterValidator(_usable)]
"""What the registry says of an asset beside its name and place: rated values, labels, reporting interval."""


class RequestBody(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
