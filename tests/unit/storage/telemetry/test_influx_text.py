"""Lines of protocol are cut at their ends and nowhere else; times keep all nine digits."""

from hypothesis import given
from hypothesis import strategies as st

from storage.telemetry.influx_http import FluxTable
from storage.telemetry.influx_text import TextPoints, instant_ns, lines_of, time_of, values_in

TEXTS = st.text(alphabet=st.sampled_from('ab\\",= \nüß'), max_size=12)
TABLE = FluxTable(
    {"": 0, "_time": 1, "_value": 2, "_field": 3, "_measurement": 4, "asset": 5, "table": 6},
    ["#datatype", "dateTime:RFC3339", "string", "string", "string", "string", "long"],
)


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_any_texts_are_cut_where_their_lines_end(texts: list[str]) -> None:
    points = TextPoints()
    for table, field in enumerate(("f", "g h")):
        for number, text in enumerate(texts):
            time = f"2026-11-25T21:00:00.00000000{number}Z"
            points.add(TABLE, ["", time, text, field, "m", "lamp, 1", str(table)])
    made = list(points.drain_lines())
    pieces = "".join(f"{line}\n" for line in made).encode().splitlines(keepends=True)
    assert list(lines_of(pieces)) == made
    assert [values_in(line) for line in made] == [2] * len(texts)
    assert [time_of(line) % 10 for line in made] == list(range(len(texts)))
    assert (points.values, list(points.drain_lines())) == (0, [])


def test_times_keep_all_digits() -> None:
    assert instant_ns("1970-01-01T00:00:01Z") == 10**9
    assert instant_ns("1970-01-01T00:00:00.000000001Z") == 1
    assert instant_ns("2026-11-25T21:00:00.5Z") % 10**9 == 500_000_000
    assert instant_ns("1969-12-31T23:59:59.999999999Z") == -1
