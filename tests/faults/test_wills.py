"""A04 on both brokers: the will of a device says no more, and nowhere else, than the device itself may."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.guarded_brokers import DOORS, GuardedBroker
from tests.faults.rough import Rough
from tests.real_parts.brokers import Login
from tests.real_parts.waiting import wait_until

pytestmark = pytest.mark.timeout(120)
BASE: Final = "city/v1/kl/streetlight"
OTHERS: Final = ("L2/status", "L2/telemetry", "L2/cmd/dim", "L2/config")
NEVER: Final = ("L1/cmd/dim", "L1/config", "L1/invented", "L1/event/invented")
"""Below its own name, and not for it to say."""


@pytest.fixture(scope="module", params=list(DOORS))
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    folder: Path = tmp_path_factory.mktemp(f"wills-{request.param}")
    with DOORS[request.param](folder) as running:
        yield running


@pytest.mark.parametrize("retain", [False, True], ids=["", "retained"])
def test_a_will_reaches_nobody_whom_the_device_may_not_reach(
    guarded: GuardedBroker, report: Report, *, retain: bool
) -> None:
    login = guarded.issue("L1")
    wait_until(lambda: guarded.admits(login), timeout_s=20, what="the login is good")
    topics = [f"{BASE}/{tail}" for tail in (*OTHERS, *NEVER)] + ["city/v1/kl/group/g1/cmd/dim"]
    with guarded.client(guarded.gateway, f"gateway-{retain}") as gateway:
        assert gateway.ready().subscribe("city/v1/#")
        let_in = sum(_lost(guarded, login, topic, b"forged", retain=retain) for topic in topics)
        assert _lost(guarded, login, f"{BASE}/L1/status", b"its own", retain=retain)
        wait_until(lambda: (f"{BASE}/L1/status", b"its own") in gateway.got, timeout_s=20, what="its own will")
        assert [topic for topic, payload in gateway.got if payload == b"forged"] == []
        assert gateway.cuts == 0
    with guarded.client(guarded.gateway, f"late-{retain}") as late:
        assert late.ready().subscribe("city/v1/#")
        if retain:
            wait_until(lambda: (f"{BASE}/L1/status", b"its own") in late.got, what="its own is retained")
        assert [topic for topic, payload in late.got if payload == b"forged"] == []
    report("A04", f"{len(topics)} wills on topics of others or of nobody{', retained' * retain}", guarded.name, None,
           let_in=let_in, reached_anybody=0, kept=0)  # fmt: skip


def _lost(guarded: GuardedBroker, login: Login, topic: str, payload: bytes, *, retain: bool) -> bool:
    """Connect with a will and vanish; whether we were let in."""
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=5) as link:
        return Rough(link).connect(login.user, login, will=(topic.encode(), payload), retain=retain)
