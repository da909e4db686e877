"""CSV cells and chunks."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.csv_response import csv_cell, csv_chunks, wants_csv


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not str(csv_cell(text)).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_stay_numbers() -> None:
    assert [csv_cell(v) for v in (-1.5, 0, True, False, "a")] == [-1.5, 0, "true", "false", "a"]


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers()), max_size=20))
def test_what_is_written_is_read_again(rows: list[tuple[str, int]]) -> None:
    text = b"".join(csv_chunks(["a", "b"], rows)).decode()
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [[str(csv_cell(a)), str(b)] for a, b in rows]


def test_a_long_table_comes_in_chunks() -> None:
    chunks = list(csv_chunks(["n"], ([n] for n in range(1200))))
    assert len(chunks) == 3
    assert b"".join(chunks).count(b"\r\n") == 1201


@pytest.mark.parametrize(
    ("accept", "csv_wanted"),
    [("text/csv", True), ("application/json, text/csv;q=0.5", True), ("*/*", False), (None, False), ("", False)],
)
def test_csv_comes_when_it_is_named(accept: str | None, csv_wanted: bool) -> None:  # noqa: FBT001
    assert wants_csv(accept) is csv_wanted
