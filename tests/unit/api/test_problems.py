"""The one table from error to HTTP."""

import inspect

from hypothesis import given
from hypothesis import strategies as st

from api import problems
from devices import errors
from devices.errors import LauternError


def test_every_error_of_the_domain_has_a_status() -> None:
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, LauternError):
            assert any(ancestor in problems.STATUS for ancestor in error.__mro__)


def test_only_what_is_no_fault_of_the_callers_is_a_500() -> None:
    assert [e.__name__ for e, status in problems.STATUS.items() if status == 500] == ["LauternError"]


@given(st.sampled_from(sorted(problems.STATUS.values())))
def test_documented_answers_name_our_problem(status: int) -> None:
    described = problems.problem_responses(status)[status]
    assert list(described["content"]) == [problems.MEDIA_TYPE]
