"""The streams of a nats-server for MQTT: at their bounds everybody still connects, and what is full is freed."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest

from runtime.broker import mqtt_stream_limits
from runtime.broker.jwt_signer import JwtSigner
from runtime.broker.mqtt_stream_limits import bound_streams
from runtime.broker.mqtt_streams import RETAINED, StreamBound, stream_bounds
from runtime.broker.nats_conf import NatsConf
from runtime.broker.service_passwords import INSIDE, ServicePasswords
from tests.faults.rough import Rough, rough
from tests.real_parts import finding
from tests.real_parts.brokers import Broker, Login
from tests.real_parts.ports import answers, claim_port
from tests.real_parts.servers import Server, serving

QUEUE = 64 * 2**20
LAMP = "city/v1/kl/streetlight/L01"
_KEPT = f"$MQTT.rmsgs.{LAMP.replace('/', '.')}."
pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Place:
    """A nats-server as the program sets it up; only users of ours get in, as nobody answers for devices."""

    broker: Broker
    client_port: int
    setup: str
    conf: Path

    def bound(self) -> bool:
        """Set the bounds, drop what nobody needs."""
        return bound_streams("127.0.0.1", self.client_port, self.setup, QUEUE, "city/v1")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    program = finding.require(finding.nats_server(), "nats-server", "install requirements/run.lock")
    port, client_port, logins = claim_port(), claim_port(), ServicePasswords(tmp_path / "broker")
    conf = NatsConf(
        host="127.0.0.1",
        mqtt_port=port,
        client_host="127.0.0.1",
        client_port=client_port,
        store=str(tmp_path / "store"),
        max_store_mb=QUEUE // 2**20,
        sync_always=False,
        root="city/v1",
        passwords={user: logins.password(user) for user in INSIDE},
        issuer=JwtSigner.of(logins.folder).issuer,
    )
    path = tmp_path / "nats.conf"
    path.write_text(conf.text())
    server = Server("nats-server", [program, "-c", path], folder=tmp_path, ready=lambda: answers(port))
    gateway = Login("gateway", logins.password("gateway"))
    with serving(server):
        broker = Broker(name="nats", host="127.0.0.1", port=port, gateway=gateway, device=gateway, server=server)
        yield Place(broker, client_port, logins.password("setup"), path)


def _retained(place: Place) -> set[str]:
    """What is kept of the lamp, by the end of its topic; the server may show what is gone for two minutes more."""

    async def ask() -> set[str]:
        client = await nats.connect(f"nats://127.0.0.1:{place.client_port}", user="setup", password=place.setup)
        try:
            state = (await client.jsm().stream_info(RETAINED, subjects_filter=f"{_KEPT}>")).state
        finally:
            await client.close()
        return {subject.removeprefix(_KEPT).replace(".", "/") for subject in state.subjects or ()}

    return asyncio.run(ask())


def _retain(client: Rough, tail: str, size: int) -> None:
    assert client.publish(f"{LAMP}/{tail}".encode(), b"x" * size, retain=True), "a device sees no difference"


def test_there_is_nothing_to_bound_before_the_first_client(place: Place) -> None:
    assert not place.bound()
    with rough(place.broker, "first"):
        assert place.bound()
        assert place.bound()


def test_only_what_may_be_retained_stays(place: Place) -> None:
    with rough(place.broker, "lamp") as client:
        for tail in ("status", "info", "state", "config", "telemetry", "ack", "event/door_open", "cmd/dim"):
            _retain(client, tail, 100)
        assert len(_retained(place)) == 8
        assert place.bound()
        assert _retained(place) == {"status", "info", "state", "config"}
        _retain(client, "info", 2**18 + 1)
    place.broker.kill()
    place.broker.start()
    with rough(place.broker, "again"):
        assert place.bound(), "what a kill brought back goes again"
    assert _retained(place) == {"status", "info", "state", "config"}


def test_at_the_bound_of_retained_messages_everybody_connects(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {**stream_bounds(QUEUE), RETAINED: StreamBound(2**20, 2**18)}
    monkeypatch.setattr(mqtt_stream_limits, "stream_bounds", lambda _bytes: small)
    with rough(place.broker, "lamp") as client:
        _retain(client, "status", 100)
        assert place.bound()
        for number in range(10):
            _retain(client, f"other/{number}", 200_000)
        assert len(_retained(place)) == 1 + 5
        _retain(client, "status", 90)
        with rough(place.broker, "another") as another:
            assert another.subscribe("city/v1/#")
    place.broker.stop()
    place.broker.start()
    with rough(place.broker, "after-a-restart") as client:
        assert client.subscribe("city/v1/#")


def test_a_disk_that_retained_messages_filled_is_freed_by_the_bounds(place: Place) -> None:
    roomy = place.conf.read_text()
    before = "max_file: "
    head, _, tail = roomy.partition(before)
    place.broker.stop()
    place.conf.write_text(f"{head}{before}4MB{tail[tail.index(', sync') :]}")
    place.broker.start()
    with rough(place.broker, "flood") as client:
        flood = (client.publish(f"{LAMP}/event/{n}".encode(), b"x" * 200_000, retain=True) for n in range(40))
        assert not all(flood), "the disk is full"
    place.broker.stop()
    place.broker.start()
    with pytest.raises(AssertionError, match="not let in"), rough(place.broker, "nobody"):
        pass
    place.broker.stop()
    place.conf.write_text(roomy)
    place.broker.start()
    with rough(place.broker, "gateway"):
        assert place.bound()
    assert _retained(place) == set()


def test_qos_2_is_refused_and_so_leaves_nothing_half_done(place: Place) -> None:
    with rough(place.broker, "lamp") as client:
        assert not client.publish(f"{LAMP}/telemetry".encode(), b"{}", qos=2)
        assert client.closed()


def test_a_session_with_endless_filters_is_refused(place: Place) -> None:
    with rough(place.broker, "lamp") as client:
        assert place.bound()
        granted = 0
        while granted < 20 and client.subscribe(f"{LAMP}/cmd/{granted}{'x' * 20_000}"):
            granted += 1
        assert granted <= 3
    with rough(place.broker, "another"):
        pass
