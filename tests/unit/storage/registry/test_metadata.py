"""JSON in the registry."""

import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticSerializationError

from storage.registry.metadata import dump_json, load_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=10)


@given(VALUES)
def test_values_come_back_with_their_types(value: object) -> None:
    back = load_json(dump_json(value))
    assert back == value
    assert repr(back) == repr(value)


@given(TEXTS)
def test_no_byte_that_postgresql_refuses_is_written(text: str) -> None:
    assert "\0" not in dump_json({text: text})


def test_mappings_tuples_and_sets_are_taken() -> None:
    assert load_json(dump_json(MappingProxyType({"a": ({1}, frozenset({"x"}), MappingProxyType({}))}))) == {
        "a": [[1], ["x"], {}]
    }


def test_not_a_number_survives() -> None:
    assert math.isnan(load_json(dump_json({"a": math.nan}))["a"])


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(PydanticSerializationError, match="not JSON-able: object"):
        dump_json({"a": object()})
