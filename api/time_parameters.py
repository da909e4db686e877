"""Instants at the edge: RFC 3339 text outside, microseconds inside."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from devices.errors import ValueRefused
from devices.time_us import SECOND_US, rfc3339, to_us

EARLIEST_US: Final = 0
LATEST_US: Final = to_us(datetime(2200, 1, 1, tzinfo=UTC))
_FORM: Final = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$"
_RFC3339: Final = re.compile(_FORM, re.ASCII)


def parse_instant(text: object) -> int:
    """Microseconds since 1970 of RFC 3339 text with zone, between 1970 and 2200. Raises ValueError."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueRefused("not_rfc3339")
    instant_us = to_us(datetime.fromisoformat(text.upper()))
    if not EARLIEST_US <= instant_us <= LATEST_US:
        raise ValueRefused("beyond_centuries")
    return instant_us


TimeIn = Annotated[int, BeforeValidator(parse_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""Field of a request: RFC 3339 with a zone; becomes microseconds."""
TimeOut = Annotated[
    int,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""Field of an answer: microseconds, shown as RFC 3339 with Z."""


TsSource = Literal["device", "receipt"]
"""Whose clock a time is of: a message without a clock gets the time at which it was received."""


def ts_source(ts_us: int, received_us: int) -> TsSource:
    """Tell whose clock a sample's time is of."""
    return "receipt" if ts_us == received_us else "device"


def age_s(instant_us: int, now_us: int) -> float:
    """Age in seconds, to the millisecond; never negative."""
    return round(max(0, now_us - instant_us) / SECOND_US, 3)
