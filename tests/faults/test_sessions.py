"""Sessions and subscriptions of one login stay bounded, what the broker refuses is told, and others go on."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import nats
import pytest

from application.health.faults import SystemFault
from application.ports.heartbeats import HeartbeatRepository
from runtime.broker.mqtt_sessions import MOST, STREAM
from tests.faults.conftest import Report
from tests.faults.guarded_brokers import GuardedBroker, guarded_nats
from tests.real_parts.waiting import wait_until

MANY = 60


@pytest.mark.timeout(180)
def test_one_login_opens_many_persistent_sessions(tmp_path: Path, report: Report) -> None:
    with guarded_nats(tmp_path) as guarded:
        evil, good = guarded.issue("L1"), guarded.issue("L2")
        let_in = 0
        with guarded.client(good, "L2", persistent=True) as other:
            cuts = other.ready().cuts
            assert other.subscribe("city/v1/kl/streetlight/L2/cmd/#")
            for number in range(MANY):
                with guarded.client(evil, f"{evil.user}/{number}", persistent=True) as speaker:
                    wait_until(lambda s=speaker: bool(s.said), what="an answer to CONNECT")  # type: ignore[misc]
                    if speaker.said[0] == "Success":
                        let_in += 1
                        speaker.subscribe("city/v1/kl/streetlight/L1/cmd/#")
            wait_until(lambda: _kept(guarded) <= MOST + 2, timeout_s=30, what="the others ended")
            refused = guarded.refused().get((evil.user, "too_many_sessions"), 0)
            assert refused > 0
            assert not guarded.admits(evil, f"{evil.user}/one-more"), "for a while"
            assert guarded.admits(evil, evil.user), "under its own name it comes in all the same"
            assert other.cuts == cuts
            assert other.subscribe("city/v1/kl/streetlight/L2/config")
        report("A10", f"one login opens {MANY} persistent sessions with QoS 1", "nats", None,
               let_in=let_in, kept=_kept(guarded), told=refused, others_cut=0)  # fmt: skip


@pytest.mark.timeout(180)
def test_a_session_under_an_id_that_the_broker_would_make_is_not_kept(tmp_path: Path) -> None:
    with guarded_nats(tmp_path) as guarded:
        evil = guarded.issue("L1")
        made_up = "abcdefghijklmnopqrstuv"
        with guarded.client(evil, made_up, persistent=True) as speaker:
            speaker.ready()
            wait_until(lambda: speaker.cuts > 0, timeout_s=30, what="cut")
        wait_until(lambda: (evil.user, "too_many_sessions") in guarded.refused(), timeout_s=20, what="told")


@pytest.mark.timeout(180)
def test_a_device_that_insists_on_qos_1_works_within_a_bound(tmp_path: Path, report: Report) -> None:
    with guarded_nats(tmp_path) as guarded, ExitStack() as stack:
        lamp, greedy = guarded.issue("L1"), guarded.issue("L2")
        base = "city/v1/kl/streetlight"
        speaker = stack.enter_context(guarded.client(lamp, "L1", persistent=True)).ready()
        assert all(speaker.subscribe(f) for f in (f"{base}/L1/cmd/#", f"{base}/L1/config", "city/v1/kl/group/+/cmd/#"))
        gateway = stack.enter_context(guarded.client(guarded.gateway, "gw")).ready()
        gateway.publish(f"{base}/L1/cmd/dim", b"{}")
        wait_until(lambda: speaker.got == [(f"{base}/L1/cmd/dim", b"{}")], what="the command")
        wild = stack.enter_context(guarded.client(greedy, "L2")).ready()
        granted = sum(wild.subscribe(f"city/v1/kl/group/g{n}/cmd/x") for n in range(40))
        assert granted <= 16
        assert (greedy.user, "too_many_subscriptions") not in guarded.refused() or granted < 40
        report("A10", "a lamp insists on QoS 1 for all it hears; another asks for 40 filters", "nats", None,
               lamp_refused=0, granted_of_40=granted)  # fmt: skip


@pytest.mark.timeout(180)
def test_a_broker_that_is_full_refuses_and_readiness_says_so(tmp_path: Path, report: Report) -> None:
    with guarded_nats(tmp_path, max_consumers=12) as guarded, ExitStack() as stack:
        base = "city/v1/kl/streetlight"
        granted = []
        for number in range(9):
            login = guarded.issue(f"L{number}")
            speaker = stack.enter_context(guarded.client(login, f"L{number}", persistent=True)).ready()
            granted.append(speaker.subscribe(f"{base}/L{number}/cmd/#"))
        assert granted[0]
        assert not granted[-1]
        wait_until(lambda: _fault(guarded) == SystemFault.BROKER_FULL, timeout_s=20, what="the fault")
        wait_until(
            lambda: ("kl/streetlight/L8", "too_many_subscriptions") in guarded.refused(), timeout_s=20, what="told"
        )
        last = guarded.issue("L20")
        quiet = stack.enter_context(guarded.client(last, "L20")).ready()
        assert quiet.subscribe(f"{base}/L20/cmd/#", qos=0), "with QoS 0 the broker bears any number"
        report("A10", "lamps subscribe with QoS 1 until the broker refuses", "nats", None,
               granted=sum(granted), asked=len(granted), named=SystemFault.BROKER_FULL.value)  # fmt: skip


def _fault(guarded: GuardedBroker) -> str | None:
    with guarded.registry.read() as tx:
        beats = {beat.part: beat for beat in tx.get(HeartbeatRepository).all()}
    return beats["auth_callout"].detail.get("fault") if "auth_callout" in beats else None


def _kept(guarded: GuardedBroker) -> int:
    """Sessions that the broker knows, those of the gateway's and of everybody else among them."""
    return asyncio.run(_messages(guarded.setup_url))


async def _messages(url: str) -> int:
    client = await nats.connect(url)
    try:
        return (await client.jsm().stream_info(STREAM)).state.messages
    finally:
        await client.close()
