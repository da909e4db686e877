"""How many sessions of a login the broker keeps: pure."""

from runtime.broker.mqtt_sessions import MOST, PAUSE_S, MqttSession, SessionBounds

USER = "kl/streetlight/L1"


def owner_of(client_id: str) -> tuple[str, int] | None:
    if client_id.startswith("lautern-"):
        return None
    return ("?", 0) if len(client_id) == 22 else ("/".join(client_id.split("/")[:3]), MOST)


def session(number: int, client_id: str = "", *, clean: bool = False) -> MqttSession:
    return MqttSession(client_id or f"{USER}/{number}", clean, (f"c{number}",), number)


def test_the_oldest_ends_and_new_names_are_refused_for_a_while() -> None:
    bounds = SessionBounds(owner_of)
    for number in range(MOST):
        assert bounds.admit_session(session(number), 0) == (USER, [])
    assert not bounds.refuses(USER, f"{USER}/new", 0)
    assert bounds.admit_session(session(MOST), 0) == (USER, [session(0)])
    assert bounds.refuses(USER, f"{USER}/new", PAUSE_S - 1)
    assert not bounds.refuses(USER, USER, 1)
    assert not bounds.refuses(USER, "L1", 1)
    assert not bounds.refuses(USER, f"{USER}/{MOST}", 1)
    assert not bounds.refuses(USER, f"{USER}/new", PAUSE_S + 1)
    bounds.admit_session(session(99), PAUSE_S + 2)
    assert bounds.refuses(USER, f"{USER}/new", 3 * PAUSE_S), "the pause grows"


def test_a_session_that_is_used_again_is_not_the_oldest() -> None:
    bounds = SessionBounds(owner_of)
    for number in range(MOST):
        bounds.admit_session(session(number), 0)
    bounds.admit_session(session(50, f"{USER}/0"), 0)
    assert bounds.admit_session(session(60), 0)[1] == [session(1)]


def test_clean_sessions_and_ours_are_left_alone() -> None:
    bounds = SessionBounds(owner_of)
    for number in range(20):
        assert bounds.admit_session(session(number, clean=True), 0)[1] == []
        assert bounds.admit_session(session(number, f"lautern-control-{number}"), 0)[1] == []


def test_none_is_kept_under_a_name_that_the_broker_makes() -> None:
    one = session(1, "a" * 22)
    assert SessionBounds(owner_of).admit_session(one, 0) == ("?", [one])
    assert SessionBounds(owner_of).admit_session(session(1, "a" * 22, clean=True), 0) == ("?", [])


def test_a_record_of_nats_server_is_read() -> None:
    record = b'{"origin":"x","id":"L1","subs":{"a":1},"cons":{"a":{"durable_name":"h_1"},"b":{"durable_name":"h_2"}}}'
    assert MqttSession.read(record, 7) == MqttSession("L1", clean=False, consumers=("h_1", "h_2"), number=7)
