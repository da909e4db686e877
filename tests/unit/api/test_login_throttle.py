"""How often somebody may fail to get in."""

import pytest

from api.login_throttle import MOST_A_MINUTE, MOST_REMEMBERED, Locked, LoginThrottle

NOW_US = 1_790_000_000_000_000


def test_who_is_locked_out_makes_nobody_elses_failures_forgotten() -> None:
    """Names made up cost the one who guesses nothing: they must not push out what is remembered of an account."""
    attempts = LoginThrottle()
    for number in range(MOST_A_MINUTE):
        attempts.begin("anna", f"10.0.0.{number}", NOW_US)
        attempts.begin(f"x{number}", "10.9.9.9", NOW_US)
    for number in range(MOST_REMEMBERED):
        with pytest.raises(Locked):
            attempts.begin(f"made-up-{number}", "10.9.9.9", NOW_US)
    with pytest.raises(Locked):
        attempts.begin("anna", "10.1.1.1", NOW_US)


@pytest.mark.parametrize(
    ("first", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_one_network_of_ipv6_counts_as_one_address(first: str, other: str, same: bool) -> None:  # noqa: FBT001
    attempts = LoginThrottle()
    for number in range(MOST_A_MINUTE):
        attempts.begin(f"x{number}", first, NOW_US)
    if same:
        with pytest.raises(Locked):
            attempts.begin("anna", other, NOW_US)
    else:
        attempts.begin("anna", other, NOW_US)
