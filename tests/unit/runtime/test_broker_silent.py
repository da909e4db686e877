"""Which of many connections that say nothing are cut."""

from datetime import UTC, datetime, timedelta
from typing import Any

from runtime.broker.silent_connections import OF_ADDRESS, PRESSED_S, SPARED_S, SilentConnections, is_silent

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MOST = 1000


def one(number: int, ip: str = "192.0.2.1", age_s: float = SPARED_S + 1) -> dict[str, Any]:
    started = NOW - timedelta(seconds=age_s)
    return {"cid": number, "type": "mqtt", "ip": ip, "start": started.isoformat()}


def chosen(silent: list[dict[str, Any]], total: int | None = None, of_address: int | None = OF_ADDRESS) -> list[int]:
    return list(SilentConnections(MOST, of_address).choose(silent, total or len(silent), NOW))


def test_beyond_the_share_of_an_address_they_go() -> None:
    assert chosen([one(n) for n in range(OF_ADDRESS + 3)]) == [OF_ADDRESS, OF_ADDRESS + 1, OF_ADDRESS + 2]


def test_an_ipv6_network_has_one_share() -> None:
    assert len(chosen([one(n, f"2001:db8::{n + 1:x}") for n in range(OF_ADDRESS + 3)])) == 3
    assert chosen([one(n, f"2001:db8:0:{n:x}::1") for n in range(OF_ADDRESS + 3)]) == []


def test_who_has_just_come_is_spared() -> None:
    assert chosen([one(n, age_s=SPARED_S / 2) for n in range(OF_ADDRESS + 3)]) == []


def test_behind_a_proxy_an_address_has_no_share() -> None:
    assert chosen([one(n) for n in range(OF_ADDRESS + 3)], of_address=None) == []


def test_when_places_run_out_nobody_may_be_silent_for_long() -> None:
    silent = [one(1, age_s=PRESSED_S * 1.5), one(2, "192.0.2.2", PRESSED_S / 2)]
    assert chosen(silent, total=round(MOST * 0.9)) == [1]


def test_who_said_connect_waits_for_the_auth_callout_and_is_not_silent() -> None:
    assert is_silent(one(1))
    assert not is_silent(one(1) | {"mqtt_client": "kl/streetlight/L1"})
    assert not is_silent(one(1) | {"authorized_user": "kl/streetlight/L1"})
    assert not is_silent(one(1) | {"type": "nats"})
