"""A04 on both brokers: revoked logins end connections, and nobody speaks, listens or connects as another."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.guarded_brokers import DOORS, GuardedBroker
from tests.real_parts.brokers import Login
from tests.real_parts.waiting import wait_equal, wait_until

pytestmark = pytest.mark.timeout(120)
BASE = "city/v1/kl/streetlight"


@pytest.fixture(scope="module", params=list(DOORS))
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    folder: Path = tmp_path_factory.mktemp(f"guarded-{request.param}")
    with DOORS[request.param](folder) as running:
        yield running


def _wait_known(guarded: GuardedBroker, *logins: Login) -> None:
    wait_until(lambda: all(map(guarded.admits, logins)), timeout_s=20, what="the logins are good")


def test_a_revoked_login_is_cut_within_seconds_and_others_stay(
    guarded: GuardedBroker, unique_id: str, report: Report
) -> None:
    lost, kept = f"{unique_id}a", f"{unique_id}b"
    stolen, good = guarded.issue(lost), guarded.issue(kept)
    _wait_known(guarded, stolen, good)
    with guarded.client(stolen, lost) as thief, guarded.client(good, kept) as other:
        thief.ready()
        other.ready()
        began = time.monotonic()
        guarded.revoke(stolen)
        wait_until(lambda: thief.cuts > 0, timeout_s=60, what="the connection is cut")
        cut_s = time.monotonic() - began
        wait_until(lambda: "Not authorized" in thief.said, timeout_s=20, what="it comes in no more")
        assert other.cuts == 0
    assert cut_s < 60
    report("A04", "a lamp's login is revoked while it is connected", guarded.name, cut_s=round(cut_s, 1), others_cut=0)


def test_a_renewed_login_ends_the_old_one(guarded: GuardedBroker, unique_id: str) -> None:
    old = guarded.issue(unique_id)
    _wait_known(guarded, old)
    with guarded.client(old, unique_id) as before:
        before.ready()
        new = guarded.issue(unique_id)
        wait_until(lambda: before.cuts > 0, timeout_s=60, what="the old connection is cut")
        _wait_known(guarded, new)
        assert not guarded.admits(old)


def test_nobody_speaks_for_another_or_hears_all(guarded: GuardedBroker, unique_id: str, report: Report) -> None:
    mine, yours = f"{unique_id}a", f"{unique_id}b"
    login, other = guarded.issue(mine), guarded.issue(yours)
    _wait_known(guarded, login, other)
    with guarded.client(guarded.gateway, f"gateway-{unique_id}") as gateway, guarded.client(other, yours) as victim:
        gateway.ready().subscribe("city/v1/#")
        assert victim.ready().subscribe(f"{BASE}/{yours}/cmd/#")
        for tail in ("telemetry", "status", "ack", "cmd/dim", "config"):
            _forge(guarded, login, f"{BASE}/{yours}/{tail}")
        _forge(guarded, login, "city/v1/kl/group/g1/cmd/dim")
        with guarded.client(login, mine) as bad:
            assert bad.ready().subscribe(f"{BASE}/{mine}/cmd/#")
            granted = [bad.subscribe(f) for f in ("#", "city/v1/#", f"{BASE}/{yours}/cmd/#", f"{BASE}/+/telemetry")]
            gateway.publish(f"{BASE}/{yours}/cmd/dim", b"for the victim")
            gateway.publish(f"{BASE}/{mine}/cmd/dim", b"for the bad one")
            bad.publish(f"{BASE}/{mine}/telemetry", b"own")
            wait_until(lambda: (f"{BASE}/{mine}/telemetry", b"own") in gateway.got, what="what is right is heard")
            wait_equal(lambda: victim.got, [(f"{BASE}/{yours}/cmd/dim", b"for the victim")])
            wait_equal(lambda: {payload for _, payload in bad.got}, {b"for the bad one"})
        assert b"forged" not in {payload for _, payload in gateway.got}
        assert (victim.cuts, gateway.cuts) == (0, 0)
    if guarded.name == "nats":
        assert granted == [False] * 4
        wait_equal(lambda: guarded.refused().get((login.user, "publish_denied")), 6, timeout_s=20)
        wait_equal(lambda: guarded.refused().get((login.user, "subscribe_denied")), 4, timeout_s=20)
    report("A04", "a lamp publishes as another and subscribes to `#`", guarded.name, reached_anybody=0, heard=0)


def _forge(guarded: GuardedBroker, login: Login, topic: str) -> None:
    """nats-server acknowledges and drops, mosquitto cuts the connection."""
    with guarded.client(login, f"{login.user}/forger") as forger:
        info = forger.ready().client.publish(topic, b"forged", 1)
        wait_until(lambda: info.is_published() or forger.cuts > 0, what="an answer to PUBLISH")


@pytest.mark.parametrize("persistent", [False, True])
def test_anothers_client_id_disturbs_nobody(
    guarded: GuardedBroker, unique_id: str, report: Report, *, persistent: bool
) -> None:
    mine, yours, secret = f"{unique_id}a", f"{unique_id}b", f"gateway-{unique_id}"
    login, other = guarded.issue(mine), guarded.issue(yours)
    _wait_known(guarded, login, other)
    with (
        guarded.client(guarded.gateway, secret, persistent=True) as gateway,
        guarded.client(other, yours, persistent=True) as victim,
    ):
        gateway.ready().subscribe("city/v1/#")
        victim.ready().subscribe(f"{BASE}/{yours}/cmd/#")
        for client_id in (secret, yours, other.user):
            with guarded.client(login, client_id, persistent=persistent) as impostor:
                wait_until(lambda: bool(impostor.said), what="an answer")
                if guarded.name == "nats":
                    assert impostor.said[0] == "Not authorized"
                gateway.publish(f"{BASE}/{yours}/cmd/dim", client_id.encode())
                victim.publish(f"{BASE}/{yours}/telemetry", client_id.encode())
        expected = [client_id.encode() for client_id in (secret, yours, other.user)]
        wait_equal(lambda: [payload for _, payload in victim.got], expected)
        heard = [(f"{BASE}/{yours}/telemetry", payload) for payload in expected]
        wait_until(lambda: all(one in gateway.got for one in heard), what="the gateway heard all")
        assert (victim.cuts, gateway.cuts) == (0, 0)
    if guarded.name == "nats":
        wait_until(lambda: guarded.refused().get((login.user, "client_id_of_others"), 0) >= 3, timeout_s=20)
    report("A04", "a lamp takes the client id of the gateway and of another lamp", guarded.name, disturbed=0)
