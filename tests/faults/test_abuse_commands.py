"""A13: storms of commands, odd answers and a gateway that dies at each state: one effect each, final in time."""

import json
import secrets
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from application.commands.command_filing import CommandOrigin, file_command
from application.commands.command_request import CommandRequest
from application.ports.commands import CommandRepository
from application.ports.inventory import AssetRepository
from devices.commands.command import Command, DeliveryState
from devices.commands.device_contract import CommandAnswer
from devices.commands.wire import encode_command
from devices.kind_catalog import discover_kinds
from devices.messages import AckStatus
from devices.time_us import SECOND_US
from storage.registry.engine import SqlRegistry, open_registry
from tests.faults.conftest import Report
from tests.faults.points import Points, faulty_build
from tests.faults.publishing import LONG
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running
from tests.system.lamps import Lamps
from tests.system.speaking import now_us

PARALLEL = 100
STORM = 1000
FINAL_GRACE_S = 60
"""A command is final so long after its `deliver_by`."""
ANSWERED: tuple[str, ...] = ("effects.before", "effects.before_commit")
"""Where a gateway may die with an answer in its hands; more in the long form."""
if LONG:
    ANSWERED += ("identity.before_commit", "effects.after_commit")
PARTS = "mosquitto-sqlite"
pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class City:
    """An installation whose gateway breaks when asked to, and its registry as the API has it."""

    town: Installation
    registry: SqlRegistry
    points: Points
    broker: Broker

    def lamps(self, number: int) -> list[str]:
        """So many new ones, registered."""
        group = secrets.token_hex(4)
        names = [f"{group}-{n:03}" for n in range(number)]
        self.town.register("kl", names)
        return names


@pytest.fixture(scope="module")
def city(mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    with running(folder, mosquitto, None, "lautern", faulty_build(folder)) as town:
        registry = open_registry(town.registry_url, migrate=False)
        try:
            yield City(town, registry, Points(folder), mosquitto)
        finally:
            registry.close()


def test_one_key_a_hundred_times_at_once_is_one_command(city: City, report: Report) -> None:
    (name,) = names = city.lamps(1)
    body = {"name": "dim", "arguments": {"level_pct": 40}, "deliver_within_s": 60}
    with Lamps(city.broker, names) as lamps:
        key = secrets.token_hex(8)
        with ThreadPoolExecutor(PARALLEL) as crowd:
            answers = list(crowd.map(lambda _: _post(city.town, name, body, key), range(PARALLEL)))
        assert {status for status, _ in answers} == {202}
        (command_id,) = {answer["id"] for _, answer in answers}
        wait_until(lambda: city.town.rest.get(f"/commands/{command_id}")["delivery"] == "applied", what="applied")
        other, _ = _post(city.town, name, body | {"arguments": {"level_pct": 70}}, key)
        filed = city.town.rest.items(f"/devices/{name}/commands")
        assert len(lamps.executed[name]) == 1
    assert (other, len(filed)) == (422, 1)
    report("A13", f"one Idempotency-Key {PARALLEL} times at once", PARTS, commands=1, effects=1)


@pytest.mark.parametrize("number", [1, 200])
def test_storm_of_commands_is_final_in_time_and_each_acts_once(city: City, number: int, report: Report) -> None:
    asked = city.lamps(number)
    with Lamps(city.broker, asked) as lamps:
        began = time.monotonic()
        filed = [_dim(city.registry, asked[n % number], level=n % 101, within_s=60) for n in range(STORM)]
        _wait_final(city.registry, filed, 60 + FINAL_GRACE_S)
        took_s = time.monotonic() - began
        after = _now(city.registry, filed)
        _assert_once(lamps, filed)
    states = Counter(command.delivery.value for command in after)
    newest = {name: max((c for c in after if c.asset_id == name), key=lambda c: c.issued_us) for name in asked}
    assert {command.delivery for command in newest.values()} == {DeliveryState.APPLIED}, "the last word is heard"
    assert all(lamps.executed[name][-1] == newest[name].wire_id for name in asked)
    what = f"{STORM} commands to {number} lamp{'s' if number > 1 else ''} at once"
    report("A13", what, PARTS, final_after_s=round(took_s, 1), **states)


def test_answers_that_come_twice_late_or_never(city: City, report: Report) -> None:
    twice, late, never = names = city.lamps(3)
    with Lamps(city.broker, names) as lamps:
        lamps.mute.update({late, never})
        filed = {name: _dim(city.registry, name, level=40, within_s=1) for name in names}
        _wait_final(city.registry, filed.values(), 1 + FINAL_GRACE_S)
        assert _deliveries(city, filed.values()) == [
            DeliveryState.APPLIED,
            DeliveryState.UNKNOWN,
            DeliveryState.UNKNOWN,
        ]
        for number, status in enumerate((AckStatus.APPLIED, AckStatus.FAILED, AckStatus.ACCEPTED)):
            lamps._send(twice, 1000 + number, CommandAnswer(filed[twice].wire_id, status))
        lamps._send(late, 2000, CommandAnswer(filed[late].wire_id, AckStatus.APPLIED))
        wait_until(lambda: _deliveries(city, [filed[late]]) == [DeliveryState.APPLIED], what="a late answer corrects")
        after = _deliveries(city, filed.values())
        _assert_once(lamps, filed.values())
        assert all(lamps.executed.values())
    assert after == [DeliveryState.APPLIED, DeliveryState.APPLIED, DeliveryState.UNKNOWN]
    report("A13", "answers that come twice, late, never", PARTS, ended_as=[state.value for state in after])


def test_gateway_killed_at_each_state_of_a_command(city: City, report: Report) -> None:
    names = city.lamps(2 + len(ANSWERED))
    unsent, accepted, answering = names[0], names[1], names[2:]
    died_as = {}
    with Lamps(city.broker, names) as lamps:
        with city.points.armed("dispatch", "kill"):
            command = _dim(city.registry, unsent, level=40, within_s=40)
            died_as["dispatch"] = _dead_with(city, command)
        _come_back(city, lamps, command, unsent)
        lamps.mute.add(accepted)
        command = _dim(city.registry, accepted, level=40, within_s=40)
        for status, wanted in ((None, DeliveryState.SENT), (AckStatus.ACCEPTED, DeliveryState.ACCEPTED)):
            if status is not None:
                lamps._send(accepted, 1000, CommandAnswer(command.wire_id, status))
            _wait_for(city, command, wanted)
            with city.points.armed("dispatch", "kill"):
                died_as[wanted.value] = _dead_with(city, command)
            city.town.start_gateway()
        lamps._send(accepted, 1001, CommandAnswer(command.wire_id, AckStatus.APPLIED))
        _come_back(city, lamps, command, accepted)
        for point, name in zip(ANSWERED, answering, strict=True):
            with city.points.armed(point, "kill"):
                command = _dim(city.registry, name, level=40, within_s=40)
                died_as[point] = _dead_with(city, command)
            _come_back(city, lamps, command, name)
    assert (died_as["dispatch"], died_as["sent"], died_as["accepted"]) == ("queued", "sent", "accepted")
    report("A13", f"gateway killed at {len(died_as)} points of a command's life", PARTS, it_was=died_as)


def _wait_for(city: City, command: Command, wanted: DeliveryState) -> None:
    wait_until(lambda: _deliveries(city, [command]) == [wanted], what=wanted.value)


def _dead_with(city: City, command: Command) -> str:
    """How far the command is when the gateway has died."""
    wait_until(lambda: not city.town.gateway.running(), timeout_s=40, what="the gateway ends")
    return _deliveries(city, [command])[0].value


def _come_back(city: City, lamps: Lamps, command: Command, name: str) -> None:
    city.town.start_gateway()
    _wait_final(city.registry, [command], 40 + FINAL_GRACE_S)
    assert _deliveries(city, [command]) == [DeliveryState.APPLIED]
    assert lamps.executed[name] == [command.wire_id]


def test_nothing_is_executed_after_its_time(city: City, report: Report) -> None:
    filed_only, at_the_broker = names = city.lamps(2)
    with Lamps(city.broker, names) as lamps:
        city.town.gateway.kill()
        command = _dim(city.registry, filed_only, level=40, within_s=1)
        wait_until(lambda: now_us() > command.deliver_by_us, what="its time is over")
        city.town.start_gateway()
        _wait_final(city.registry, [command], FINAL_GRACE_S)
        assert lamps.executed[filed_only] == []
    assert _deliveries(city, [command]) == [DeliveryState.EXPIRED]
    queued = _dim(city.registry, at_the_broker, level=40, within_s=1)
    wait_until(lambda: _now(city.registry, [queued])[0].attempts > 0, what="it is sent, and nobody listens")
    wait_until(lambda: now_us() > queued.deliver_by_us, what="its time is over")
    with Lamps(city.broker, names) as lamps:
        lamps._receive(at_the_broker, "dim", json.loads(encode_command(queued)), retained=False)
        _wait_final(city.registry, [queued], FINAL_GRACE_S)
        assert lamps.executed[at_the_broker] == []
    assert _deliveries(city, [queued]) == [DeliveryState.EXPIRED], "the lamp said so"
    report("A13", "commands whose time was over when they came", PARTS, executed=0)


def _deliveries(city: City, commands: Collection[Command]) -> list[DeliveryState]:
    """In the order of the commands."""
    found = {command.command_id: command.delivery for command in _now(city.registry, commands)}
    return [found[command.command_id] for command in commands]


def _post(town: Installation, name: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {town.rest.key}", "Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(
        f"{town.rest.address}/api/v1/devices/{name}/commands", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.load(problem)


def _dim(registry: SqlRegistry, name: str, *, level: int, within_s: int) -> Command:
    with registry.write() as tx:
        return file_command(
            tx,
            discover_kinds(),
            tx.get(AssetRepository).get(name),
            CommandRequest("dim", {"level_pct": level}, deliver_within_s=within_s),
            CommandOrigin("test", now_us()),
        )


def _now(registry: SqlRegistry, commands: Collection[Command]) -> Sequence[Command]:
    with registry.read() as tx:
        return tx.get(CommandRepository).by_wire_ids_of({(c.wire_id, c.asset_id) for c in commands})


def _wait_final(registry: SqlRegistry, commands: Collection[Command], within_s: float) -> float:
    """Seconds until all are final; the last of them in time."""
    began = time.monotonic()
    wait_until(lambda: all(c.delivery.final for c in _now(registry, commands)), timeout_s=within_s, what="all final")
    for command in _now(registry, commands):
        assert command.final_us is not None
        assert command.final_us <= command.deliver_by_us + FINAL_GRACE_S * SECOND_US
    return round(time.monotonic() - began, 1)


def _assert_once(lamps: Lamps, filed: Collection[Command]) -> None:
    done = Counter(wire_id for ids in lamps.executed.values() for wire_id in ids)
    assert done.keys() <= {command.wire_id for command in filed}
    assert set(done.values()) == {1}
