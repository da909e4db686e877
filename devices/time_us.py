"""Instants are microseconds since 1970 UTC in an int (`…_us`) inside, RFC 3339 with Z outside."""

from datetime import UTC, datetime, timedelta
from typing import Final

from devices.errors import ValueRefused

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // MICROSECOND


def from_us(instant_us: int) -> datetime:
    """Aware UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=instant_us)


def rfc3339(instant_us: int) -> str:
    """RFC 3339 text in UTC with Z; milliseconds, or microseconds where there are some."""
    moment = from_us(instant_us)
    spec = "milliseconds" if instant_us % 1000 == 0 else "microseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def from_rfc3339(text: str) -> int:
    """Microseconds since 1970 of what `rfc3339` made. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueRefused("has_no_zone", text=repr(text))
    return to_us(moment)
