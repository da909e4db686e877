"""A18: one login tries to fill what broker, registry and gateway keep; nobody else notices, and it heals by itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from application.ports.credentials import LoginRefusals
from application.ports.dead_letters import DeadLetters
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry
from devices.streetlight.events import EVENTS
from devices.time_us import rfc3339
from gateway.deduplication import MAX_SERIES_PER_DEVICE
from tests.faults.conftest import Report
from tests.faults.publishing import Fleet
from tests.faults.rough import rough
from tests.faults.test_flood import TOWNS, Town, register
from tests.real_parts.brokers import Broker, Login
from tests.real_parts.waiting import wait_until
from tests.system.speaking import now_us

pytestmark = pytest.mark.timeout(240)
BIG = 200_000
INVENTED = 60
BOOTS = 200
PARTS = 600
"""As many as fit into one batch, more than a device may have."""


@pytest.fixture(scope="module", params=list(TOWNS))
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    # The quota has a test of its own.
    more: dict[str, object] = {"QUOTA__BURST_MESSAGES": 10**6, "QUOTA__BURST_BYTES": 10**10}
    with TOWNS[request.param](tmp_path_factory.mktemp(request.param) / "town", more) as running:
        yield running


def _as_device(town: Town) -> Broker:
    return Broker(name=town.name, host="127.0.0.1", port=town.port, gateway=town.login, device=town.login,
                  server=town.broker.server)  # fmt: skip


def _base(login: Login) -> str:
    return f"city/v1/{login.user}"


def _body(seq: int, boot: str = "b1", **fields: object) -> bytes:
    head = {"v": 1, "device_id": "flooder", "ts": rfc3339(now_us()), "boot_id": boot, "seq": seq}
    return json.dumps({**head, **fields}).encode()


def _others_are_heard(town: Town) -> None:
    """A fleet connects anew, speaks, and all of it is judged."""
    fleet = Fleet(town.broker, 100, 5)
    register(town.registry, fleet.tenant_id, list(fleet.sent))
    before = town.judged()
    fleet.start()
    try:
        fleet.wait_for_more(100)
    finally:
        fleet.finish(60)
    wait_until(lambda: town.judged() >= before + fleet.number, timeout_s=60, what="the others are judged")


def test_retained_messages_and_names_of_events(town: Town, report: Report) -> None:
    base, let_through = _base(town.login), 0
    for number in range(INVENTED):
        # mosquitto ends the connection of who says what he may not, nats-server acknowledges and drops.
        with rough(_as_device(town), "flooder", patience_s=1) as client:
            client.publish(f"{base}/event/invented{number}".encode(), b"x" * BIG, retain=True)
        if town.name == "mosquitto" and number > 5:
            break
    with rough(_as_device(town), "flooder") as client:
        for name in EVENTS:
            let_through += client.publish(f"{base}/event/{name}".encode(), b"x" * BIG, retain=True)
    assert let_through == len(EVENTS), "its kind's own names"
    with rough(town.broker, "spy", patience_s=2) as spy:
        assert spy.subscribe(f"{base}/#")
        kept = {topic.decode().rpartition("/")[2] for topic, _ in spy.received()}
    assert not any(name.startswith("invented") for name in kept)
    assert len(kept) <= len(EVENTS) + 5
    _others_are_heard(town)
    if town.name == "nats":
        wait_until(lambda: _denied(town.registry, town.login) >= INVENTED, timeout_s=30, what="it is told")
        wait_until(lambda: _size(town.folder, "rmsgs") < 10**6, timeout_s=40, what="events are not retained for long")
    report("A18", f"{INVENTED} invented names of events, all {len(EVENTS)} of its kind, retained, 200 KB each",
           f"{town.name}-sqlite", retained=len(kept), told=_denied(town.registry, town.login))  # fmt: skip


def test_half_done_qos_2(town: Town, report: Report) -> None:
    begun = 0
    for _ in range(20):
        with rough(_as_device(town), "flooder", patience_s=1) as client:
            begun += client.publish(f"{_base(town.login)}/telemetry".encode(), b"x" * BIG, qos=2)
    # mosquitto 2.0.11 takes it in spite of `max_qos`: its session has a bound in bytes, and ends here.
    assert begun == 0 or town.name == "mosquitto"
    _others_are_heard(town)
    report("A18", "QoS 2 begun and never ended", f"{town.name}-sqlite", begun=begun)


def test_invented_boots_and_numbers(town: Town, report: Report) -> None:
    topic, before = f"{_base(town.login)}/telemetry".encode(), town.judged()
    with rough(_as_device(town), "flooder") as client:
        for boot in range(BOOTS):
            for seq in (1, 2**40 + boot):
                assert client.publish(topic, _body(seq, f"boot{boot}", level_pct=1))
    wait_until(lambda: town.judged() >= before + 2 * BOOTS, timeout_s=60, what="all are judged")
    with town.registry.read() as tx:
        rows = len(tx.get(MessageLedger).gaps(device_id="flooder"))
    report("A18", f"{BOOTS} invented boots with numbers far apart", f"{town.name}-sqlite", rows_of_gaps=rows)
    assert 16 <= rows <= 33
    _others_are_heard(town)


def test_parts(town: Town, report: Report) -> None:
    topic, before = f"{_base(town.login)}/telemetry".encode(), town.judged()
    first_us = now_us()
    with rough(_as_device(town), "flooder") as client:
        for number in range(PARTS):
            body = _body(10**6 + number, "parts", part=f"p{number}", level_pct=1)
            assert client.publish(topic, body)
    wait_until(lambda: town.judged() >= before + PARTS, timeout_s=60, what="all are judged")
    with town.registry.read() as tx:
        letters = tx.get(DeadLetters).find(device_id="flooder", reason="too_many_parts", limit=1000).items
    report("A18", f"{PARTS} parts", f"{town.name}-sqlite", refused=len(letters))
    assert PARTS - MAX_SERIES_PER_DEVICE <= len(letters) < PARTS, first_us
    _others_are_heard(town)


def _denied(registry: Registry, login: Login) -> int:
    with registry.read() as tx:
        found = tx.get(LoginRefusals).find().items
    return next((x.times for x in found if (x.user, x.reason) == (login.user, "publish_denied")), 0)


def _size(folder: Path, stream: str) -> int:
    """Bytes on disk of one of nats-server's streams; blocks that are empty go after a moment."""
    return sum(f.stat().st_size for f in folder.rglob("*.blk") if stream in str(f))
