"""A04 on both brokers: a connector is heard below its own topics while it speaks for others, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from application.ports.memberships import ConnectorMembership, MembershipRepository
from tests.faults.conftest import Report
from tests.faults.guarded_brokers import DOORS, GuardedBroker, Speaker
from tests.real_parts.brokers import Login
from tests.real_parts.waiting import wait_until
from tests.system.speaking import now_us

pytestmark = pytest.mark.timeout(120)
BASE = "city/v1/kl/streetlight"


@pytest.fixture(scope="module", params=list(DOORS))
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    folder: Path = tmp_path_factory.mktemp(f"guarded-{request.param}")
    with DOORS[request.param](folder) as running:
        yield running


def _begin(guarded: GuardedBroker, connector: str, member: str) -> None:
    with guarded.registry.write() as tx:
        wanted = ConnectorMembership(member, "streetlight", connector, "streetlight", "kl", now_us())
        tx.get(MembershipRepository).begin([wanted])


def _end(guarded: GuardedBroker, member: str) -> None:
    with guarded.registry.write() as tx:
        tx.get(MembershipRepository).end([member], now_us())


def _reaches(guarded: GuardedBroker, gateway: Speaker, login: Login, topic: str, payload: bytes) -> bool:
    """Publish on a connection of its own; a marker on the login's own topics tells when what was sent is through."""
    own = f"city/v1/{login.user}/telemetry"
    with guarded.client(login, f"{login.user}/try") as speaker:
        speaker.ready()
        info = speaker.client.publish(topic, payload, 1)
        wait_until(lambda: info.is_published() or speaker.cuts > 0, what="an answer to PUBLISH")
    with guarded.client(login, f"{login.user}/mark") as speaker:
        speaker.ready().publish(own, payload)
    wait_until(lambda: (own, payload) in gateway.got, what="the marker")
    return (topic, payload) in gateway.got


def test_a_connector_is_heard_for_others_below_its_own_topics_only(
    guarded: GuardedBroker, unique_id: str, report: Report
) -> None:
    connector, other, member = (f"{unique_id}{letter}" for letter in "com")
    login, stranger = guarded.issue(connector), guarded.issue(other)
    below = f"{BASE}/{connector}/member/streetlight/{member}"
    numbers = iter(range(1000))
    with guarded.client(guarded.gateway, f"gateway-{unique_id}") as gateway:
        gateway.ready().subscribe("city/v1/#")
        wait_until(lambda: guarded.admits(login) and guarded.admits(stranger), timeout_s=20, what="the logins are good")

        def reaches(who: Login, topic: str) -> bool:
            return _reaches(guarded, gateway, who, topic, str(next(numbers)).encode())

        assert not reaches(login, f"{below}/telemetry"), "it speaks for nobody yet"
        _begin(guarded, connector, member)
        wait_until(lambda: reaches(login, f"{below}/telemetry"), timeout_s=30, what="it may speak")
        for channel in ("status", "event/fault", "ack"):
            assert reaches(login, f"{below}/{channel}")
        forged = [
            (stranger, f"{below}/telemetry"),  # another's member
            (stranger, f"{BASE}/{other}/member/streetlight/{member}/telemetry"),  # a lamp that speaks for nobody
            (login, f"{BASE}/{member}/telemetry"),  # as the member itself
            (login, f"city/v1/zw/streetlight/{connector}/member/streetlight/{member}/telemetry"),  # in another town
            (login, f"{below}/cmd/dim"),  # a command
            (login, f"{below}/config"),
            (login, f"{below}/telemetry/more"),
            (login, f"{BASE}/{connector}/member/{member}/telemetry"),
        ]
        assert [topic for who, topic in forged if reaches(who, topic)] == []

        with (
            guarded.client(login, f"{login.user}/ears") as ears,
            guarded.client(stranger, f"{stranger.user}/ears") as thief,
        ):
            assert ears.ready().subscribe(f"{BASE}/{connector}/member/+/+/cmd/+")
            assert ears.subscribe(f"{BASE}/{connector}/member/+/+/config")
            thief.ready().subscribe(f"{below}/cmd/+")
            thief.subscribe(f"{BASE}/+/member/#")
            ears.subscribe(f"{BASE}/+/member/+/+/cmd/+")
            gateway.publish(f"{below}/cmd/dim", b"for the member")
            gateway.publish(f"{BASE}/{other}/member/streetlight/x/cmd/dim", b"for another's")
            gateway.publish(f"{BASE}/{other}/cmd/dim", b"last")
            wait_until(lambda: (f"{below}/cmd/dim", b"for the member") in ears.got, what="its command")
            assert {payload for _, payload in ears.got} == {b"for the member"}
            assert b"for the member" not in {payload for _, payload in thief.got}
            cuts = ears.cuts
            _end(guarded, member)
            if guarded.name == "nats":
                wait_until(lambda: ears.cuts > cuts, timeout_s=30, what="it comes back with the rights of a lamp")
        wait_until(lambda: not reaches(login, f"{below}/telemetry"), timeout_s=30, what="its right ended")
    if guarded.name == "nats":
        assert guarded.refused()[login.user, "publish_denied"] >= 6
    report(
        "A04", "a lamp and a connector speak for devices that are not theirs", guarded.name, reached_anybody=0, heard=0
    )
