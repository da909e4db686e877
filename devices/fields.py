"""Field types of wire models: each carries its unit, its possible range and its plausible range."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field


@dataclass(frozen=True, slots=True)
class FieldUnit:
    """Unit of a field (UCUM or the field's usual symbol) and the standards' names for it."""

    symbol: str
    standards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlausibleRange:
    """Values outside are stored, marked suspect and raise an alarm; never refused."""

    low: float
    high: float


def _counter(value: object) -> object:
    """Counters may come as decimal strings (RFC 7951), for JSON readers that round above 2^53."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return value


_COUNTER = Field(ge=0, le=2**64 - 1)
_AS_SENT = Annotated[int, _COUNTER] | Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
Counter64 = Annotated[int, _COUNTER, BeforeValidator(_counter, json_schema_input_type=_AS_SENT)]
"""Monotonic 64-bit counter."""
Figure = Annotated[float, Field(ge=-1e15, le=1e15)]
"""A number of no certain unit; sums of many are still numbers."""
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Number of a version; every database takes it."""
Percent = Annotated[float, Field(ge=0, le=100), FieldUnit("%")]
Text = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Short text without control characters."""
