"""The one MetaData of the registry, for our tables and those of kinds, and the column types they share."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, Dialect, MetaData, Text, TypeDecorator

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Instant = BigInteger
"""Microseconds since 1970 UTC; name such columns `…_us`."""


def dump_json(value: object) -> str:
    """JSON text of a JSON-able value; any mapping is an object, any sequence or set an array."""
    return to_json(value, fallback=_plain).decode()


def load_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON is any value
    """Value of a JSON text that `dump` made."""
    return from_json(text, cache_strings="keys")


class Json(TypeDecorator[Any]):
    """JSON kept as TEXT, the same on both databases. NULL stays None."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """Encode."""
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401 - JSON is any value
        """Decode."""
        return None if value is None else load_json(value)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not JSON-able: {type(value).__name__}")
