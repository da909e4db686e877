"""Several processes together give no more than what is set."""

from dataclasses import asdict

import pytest

from api.limits import ApiLimits

SHARED = {
    "requests_per_s", "address_requests_per_s", "downloads", "downloads_per_caller", "streams", "streams_per_caller",
    "streams_per_address",
}  # fmt: skip


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_the_sum_of_all_processes_is_what_is_set(processes: int) -> None:
    whole, each = asdict(ApiLimits(queries_at_once=4)), asdict(ApiLimits(queries_at_once=4).of_each(processes))
    for name in SHARED | {"queries_at_once"}:
        assert whole[name] / processes - 1 < each[name] <= whole[name] / processes
    assert {n: v for n, v in whole.items() if n not in SHARED | {"queries_at_once"}} == {
        n: v for n, v in each.items() if n not in SHARED | {"queries_at_once"}
    }


def test_each_process_gives_at_least_one_of_everything() -> None:
    assert all(value > 0 for value in asdict(ApiLimits().of_each(64)).values())
