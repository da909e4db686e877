"""What a login said, from the figures of its connections: none is counted twice, none escapes under a new number."""

from runtime.broker.connection_counts import HEADER_BYTES, ConnectionCount, ConnectionCounts

LAMP, OTHER = "kl/streetlight/L1", "kl/streetlight/L2"


def one(number: int, messages: int, login: str = LAMP, ended_us: int = 0) -> ConnectionCount:
    return ConnectionCount(number, login, messages, 10 * messages, ended_us)


def begun(*opened: ConnectionCount) -> ConnectionCounts:
    counts = ConnectionCounts()
    assert counts.count(opened, [one(90, 1000, ended_us=5)]) == {}
    return counts


def test_what_was_said_before_the_first_look_is_not_held_against_anybody() -> None:
    counts = begun(one(1, 70))
    assert counts.count([one(1, 75)], [one(90, 1000, ended_us=5)]) == {LAMP: (5, 50)}


def test_connections_of_a_login_are_summed_up_and_others_kept_apart() -> None:
    counts = begun(one(1, 0))
    said = counts.count([one(1, 3), one(2, 4), one(3, 1, OTHER), one(4, 9, "")], [])
    assert said == {LAMP: (7, 70), OTHER: (1, 10)}


def test_a_connection_that_ended_is_counted_to_its_end_and_once() -> None:
    counts = begun(one(1, 10))
    ended = one(1, 15, ended_us=7)
    assert counts.count([one(1, 12)], [ended]) == {LAMP: (5, 50)}, "between the two answers"
    assert counts.count([], [ended]) == {}
    assert counts.count([one(2, 1)], [one(3, 8, ended_us=9), ended]) == {LAMP: (9, 90)}, "began and ended between looks"
    assert counts.count([one(2, 1)], [one(3, 8, ended_us=9), ended]) == {}
    assert counts.count([], [one(2, 6, ended_us=10), one(3, 8, ended_us=9)]) == {LAMP: (5, 50)}


def test_a_new_server_begins_with_new_numbers() -> None:
    counts = begun(one(1, 1000))
    counts.begin_anew()
    assert counts.count([one(1, 7)], []) == {LAMP: (7, 70)}


def test_an_entry_is_read_for_devices_over_mqtt_only_and_without_headers() -> None:
    said = {"cid": 7, "type": "mqtt", "authorized_user": LAMP, "in_msgs": 2, "in_bytes": 2 * HEADER_BYTES + 9}
    assert ConnectionCount.read(said) == ConnectionCount(7, LAMP, 2, 9)
    stopped = ConnectionCount.read({**said, "stop": "1970-01-01T00:00:01.000002999Z"})
    assert stopped.ended_us == 1_000_002
    assert [
        ConnectionCount.read({**said, **more}).login for more in ({"type": "nats"}, {"authorized_user": "gateway"})
    ] == ["", ""]
    assert ConnectionCount.read({**said, "authorized_user": "kl/streetlight"}).login == ""
