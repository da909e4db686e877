"""Whose it is, when."""

from hypothesis import given
from hypothesis import strategies as st

from application.lending import AssetOwnership, uncovered_spans
from application.ports.loans import Loan
from application.telemetry.owned_reader import whole_buckets

OURS = AssetOwnership("kl", (Loan("a", "n", "kl", "zw", 10, 20), Loan("b", "n", "kl", "bund", 20, 30)))


def test_what_is_measured_in_a_loan_is_the_borrowers() -> None:
    assert [OURS.at(t) for t in (9, 10, 19, 20, 29, 30)] == ["kl", "zw", "zw", "bund", "bund", "kl"]
    assert (OURS.loan_at(9), OURS.loan_at(25)) == (None, OURS.loans[1])


def test_each_town_has_its_own_spans() -> None:
    assert OURS.spans({"kl"}, 0, 40) == [(0, 10), (30, 40)]
    assert OURS.spans({"zw"}, 0, 40) == [(10, 20)]
    assert OURS.spans({"zw", "bund"}, 15, 25) == [(15, 25)]
    assert OURS.spans(None, 0, 40) == [(0, 40)]
    assert OURS.spans(None, 40, 40) == []
    assert OURS.spans({"speyer"}, 0, 40) == []
    assert (OURS.concerns({"bund"}), OURS.concerns({"speyer"})) == (True, False)


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_towns_share_the_time_without_rest(begin: int, end: int) -> None:
    spans = sorted(s for town in ("kl", "zw", "bund") for s in OURS.spans({town}, begin, end))
    assert sum(b - a for a, b in spans) == max(0, end - begin)
    assert uncovered_spans((begin, end), spans) == []
    mine = OURS.spans({"kl"}, begin, end)
    assert sorted([*mine, *uncovered_spans((begin, end), mine)]) == sorted(
        [*mine, *OURS.spans({"zw", "bund"}, begin, end)]
    )


def test_a_bucket_that_a_handover_cuts_is_left_out() -> None:
    assert whole_buckets((10, 20), 5) == (10, 20)
    assert whole_buckets((11, 19), 5) == (15, 15)
