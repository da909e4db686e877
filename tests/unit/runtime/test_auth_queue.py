"""Who waits to be let in, and in which order."""

import asyncio
from typing import Any, cast

from runtime.broker import auth_queue
from runtime.broker.auth_queue import AuthQueue
from runtime.broker.jwt_signer import AuthRequest
from runtime.broker.nats_conf import ASKED_S


def asked(user: str, address: str = "192.0.2.1", number: int = 0) -> AuthRequest:
    return AuthRequest("s", "k", number, address, True, user, user, "", None)  # noqa: FBT003 - as it comes from the broker


def order(queue: AuthQueue, count: int) -> list[str]:
    async def take() -> list[str]:
        return [(await queue.next_request())[0].user for _ in range(count)]

    return asyncio.run(take())


def filled(*requests: AuthRequest, known: tuple[str, ...] = (), now_s: Any = lambda: 0.0) -> AuthQueue:
    queue = AuthQueue(lambda request: request.user in known, now_s)
    for request in requests:
        queue.put(request, cast("Any", None))
    return queue


def test_a_login_that_is_known_goes_before_strangers() -> None:
    queue = filled(
        *(asked("stranger", number=n) for n in range(100)), asked("kl/streetlight/L1"), known=("kl/streetlight/L1",)
    )
    assert order(queue, 2) == ["kl/streetlight/L1", "stranger"]


def test_one_user_alone_does_not_hold_up_the_others() -> None:
    queue = filled(*(asked("a", number=n) for n in range(50)), asked("b"), known=("a", "b"))
    assert order(queue, 3) == ["a", "b", "a"]


def test_one_address_with_many_users_does_not_hold_up_another() -> None:
    queue = filled(*(asked(f"u{n}", "198.51.100.7") for n in range(50)), asked("b", "192.0.2.9"))
    assert order(queue, 2) == ["u0", "b"]


def test_neighbours_of_ipv6_are_one_address() -> None:
    queue = filled(asked("a", "2001:db8::1"), asked("b", "2001:db8::2"), asked("c", "2001:db8:0:1::1"))
    assert order(queue, 3) == ["a", "c", "b"]


def test_whom_nobody_waits_for_any_more_is_dropped_and_counted() -> None:
    now = [0.0]
    queue = filled(asked("late"), now_s=lambda: now[0])
    now[0] = ASKED_S + 1.0
    queue.put(asked("fresh"), cast("Any", None))
    assert order(queue, 1) == ["fresh"]
    assert queue.dropped == 1


def test_strangers_beyond_the_bound_are_dropped_and_logins_are_not(monkeypatch: Any) -> None:
    monkeypatch.setattr(auth_queue, "MOST", 3)
    queue = filled(*(asked("stranger", number=n) for n in range(9)), asked("lamp"), known=("lamp",))
    assert (queue.dropped, order(queue, 4)) == (6, ["lamp", "stranger", "stranger", "stranger"])
