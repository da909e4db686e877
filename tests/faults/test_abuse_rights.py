"""A04: a device that says what only others may, retained messages, and clients that take the gateway's name."""

import json
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from application.ports.credentials import LoginRefusals
from application.ports.dead_letters import DeadLetters
from application.ports.message_ledger import LedgerLine, MessageLedger
from devices.time_us import SECOND_US, rfc3339
from tests.faults.conftest import Report
from tests.faults.embedded import Embedded, embedded
from tests.faults.rough import Rough, rough
from tests.real_parts.brokers import Broker, Login
from tests.real_parts.waiting import wait_equal, wait_until
from tests.system.lamps import BASE, Lamps
from tests.system.speaking import now_us

pytestmark = pytest.mark.timeout(150)
FORBIDDEN = (
    "kl/streetlight/L01/cmd/dim", "kl/streetlight/L01/cmd/cancel", "kl/streetlight/L01/config", "kl/group/g1/cmd/dim",
    "kl/streetlight/L02/telemetry", "kl/streetlight/L02/status", "kl/streetlight/L02/ack", "kl/streetlight/L02/cmd/dim",
    "other/streetlight/L01/telemetry", "kl/fire_drone/L01/telemetry", "kl/canary/lautern-canary/telemetry",
)  # fmt: skip


def test_a_device_speaks_for_itself_only_and_retained_is_no_second_message(tmp_path: Path, report: Report) -> None:
    with embedded(tmp_path / "town", ["L01", "L02"]) as (town, logins):
        gateway = town.inside("gateway")
        with rough(town.as_broker(gateway), "spy", gateway) as spy:
            assert spy.subscribe("city/v1/#")
            with rough(town.as_broker(logins["L01"]), "L01", logins["L01"]) as lamp:
                assert lamp.subscribe("city/v1/kl/streetlight/L01/cmd/#")
                assert not lamp.subscribe("city/v1/kl/streetlight/L02/cmd/#")
                assert not lamp.subscribe("city/v1/#")
            for number, tail in enumerate(FORBIDDEN):
                with rough(town.as_broker(logins["L01"]), f"kl/streetlight/L01/{number}", logins["L01"]) as lamp:
                    for retain in (False, True):
                        lamp.publish(f"city/v1/{tail}".encode(), _sample("L02", number), retain=retain)
            with rough(town.as_broker(logins["L01"]), "kl/streetlight/L01/good", logins["L01"]) as lamp:
                assert lamp.publish(b"city/v1/kl/streetlight/L01/telemetry", _sample("L01", 1))
            _wait_stored(town, 1)
            seen = {topic.decode().removeprefix("city/v1/") for topic, _ in spy.received()}
        with rough(town.as_broker(gateway), "late-spy", gateway) as spy:
            assert spy.subscribe("city/v1/#")
            kept = {topic.decode().removeprefix("city/v1/") for topic, _ in spy.received()}
        letters = _letters(town)
        _retained_telemetry_is_no_second_message(town, logins["L01"], report)
    assert "kl/streetlight/L01/telemetry" in seen, "the spy sees what is said"
    assert (seen | kept) & set(FORBIDDEN) - {"kl/canary/lautern-canary/telemetry"} == set()
    assert letters == []
    report("A04", f"a device publishes to {len(FORBIDDEN)} topics of others", "nats-sqlite", reached_anybody=0)


def _retained_telemetry_is_no_second_message(town: Embedded, login: Login, report: Report) -> None:
    with rough(town.as_broker(login), "kl/streetlight/L01/retained", login) as lamp:
        assert lamp.publish(b"city/v1/kl/streetlight/L01/telemetry", _sample("L01", 2), retain=True)
        _wait_stored(town, 2)
        _restart_gateway(town)
        assert lamp.publish(b"city/v1/kl/streetlight/L01/telemetry", _sample("L01", 3))
    line = _wait_stored(town, 3)
    assert (line.received, line.stored, line.duplicate, line.conflict, line.dead_letter) == (3, 3, 0, 0, 0)
    report("A04", "retained telemetry, and a gateway that subscribes anew", "nats-sqlite", counted_again=0)


def test_retained_command_is_ignored_by_the_lamp(mosquitto: Broker, unique_id: str, report: Report) -> None:
    topic = f"{BASE}/{unique_id}/cmd/dim".encode()
    forged = {
        "v": 1,
        "command_id": "forged",
        "name": "dim",
        "level_pct": 0,
        "deliver_by": rfc3339(now_us() + 60 * SECOND_US),
    }
    heard: list[str] = []

    class Listening(Lamps):
        def _receive(self, device_id: str, name: str, body: dict[str, Any], *, retained: bool) -> None:
            super()._receive(device_id, name, body, retained=retained)
            heard.append(body["command_id"])

    with rough(mosquitto, f"forger-{unique_id}") as forger:
        assert forger.publish(topic, json.dumps(forged).encode(), retain=True)
        try:
            with Listening(mosquitto, [unique_id]) as lamps:
                wait_until(lambda: heard == ["forged"], what="the retained command comes")
                assert lamps.executed[unique_id] == []
                fresh = json.dumps(forged | {"command_id": "fresh"}).encode()
                assert forger.publish(topic, fresh)
                wait_until(lambda: lamps.executed[unique_id] == ["fresh"], what="a fresh one is obeyed")
        finally:
            assert forger.publish(topic, b"", retain=True)
    report("A04", "a retained command", "mosquitto", executed=0)


def test_a_device_that_takes_the_gateways_id_is_refused_and_recorded(tmp_path: Path, report: Report) -> None:
    with embedded(tmp_path / "town", ["L01", "L02"]) as (town, logins):
        secret = sorted(town.folder.glob("mqtt-session-*"))
        assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
        stolen = [path.read_text().strip() for path in secret]
        assert len(stolen) == 2
        with rough(town.as_broker(logins["L01"]), "L01", logins["L01"]) as lamp:
            for seq in range(1, 21):
                for client_id in (*stolen, "L01"):
                    assert not _let_in(town, client_id, logins["L02"])
                assert lamp.publish(b"city/v1/kl/streetlight/L01/telemetry", _sample("L01", seq))
            _wait_stored(town, 20)
        assert "mqtt_disconnected" not in town.said()
        wait_equal(lambda: _refused(town), {("kl/streetlight/L02", "client_id_of_others"): 60}, timeout_s=20)
        assert _missing(town) == 0
    report("A04", "a device connects under the gateway's secret client ids, and another device's", "nats-sqlite",
           let_in=0, gateway_disturbed=0, missing=0, recorded=60)  # fmt: skip


def _let_in(town: Embedded, client_id: str, login: Login) -> bool:
    with socket.create_connection(("127.0.0.1", town.port), timeout=5) as link:
        return Rough(link).connect(client_id, login)


def _refused(town: Embedded) -> dict[tuple[str, str], int]:
    registry = town.registry()
    try:
        with registry.read() as tx:
            return {(r.user, r.reason): r.times for r in tx.get(LoginRefusals).find().items}
    finally:
        registry.close()


def _restart_gateway(town: Embedded) -> None:
    before, ready = town.child("runtime.gateway_role"), town.said().count("mqtt_ready")
    assert before
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: town.child("runtime.gateway_role") not in {0, before}, timeout_s=30, what="another gateway")
    wait_until(lambda: town.said().count("mqtt_ready") >= ready + 2, timeout_s=30, what="it has the broker")


def _line(town: Embedded) -> LedgerLine | None:
    registry = town.registry()
    try:
        with registry.read() as tx:
            lines = tx.get(MessageLedger).lines()
    finally:
        registry.close()
    return next((x for x in lines if (x.kind, x.unit) == ("streetlight", "messages")), None)


def _stored(town: Embedded) -> int:
    line = _line(town)
    return 0 if line is None else line.stored


def _missing(town: Embedded) -> int:
    registry = town.registry()
    try:
        with registry.read() as tx:
            return tx.get(MessageLedger).missing()
    finally:
        registry.close()


def _wait_stored(town: Embedded, number: int) -> LedgerLine:
    wait_equal(lambda: _stored(town), number, timeout_s=40)
    line = _line(town)
    assert line is not None
    return line


def _letters(town: Embedded) -> list[str]:
    registry = town.registry()
    try:
        with registry.read() as tx:
            return [letter.reason for letter in tx.get(DeadLetters).find().items]
    finally:
        registry.close()


def _sample(device_id: str, seq: int) -> bytes:
    head = {"v": 1, "device_id": device_id, "ts": rfc3339(now_us()), "boot_id": "b1", "seq": seq, "level_pct": 40}
    return json.dumps(head).encode()
