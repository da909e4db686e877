"""Commands through a real broker and the real gateway process, lamps answering over MQTT."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

import pytest

from application.commands.command_filing import CommandOrigin, file_command, file_group_command
from application.commands.command_request import CommandRequest
from application.ports.commands import CommandRepository
from application.ports.heartbeats import HeartbeatRepository
from application.ports.inventory import Asset, AssetGroup, AssetRepository, DeviceBinding, GroupRepository
from application.ports.latest_values import LatestValues
from devices.commands.command import Command, DeliveryState
from devices.kind_catalog import discover_kinds
from devices.time_us import SECOND_US
from storage.registry.engine import SqlRegistry, open_registry
from tests.real_parts.brokers import Broker
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until
from tests.system.lamps import Lamps

ROOT: Final = Path(__file__).parents[2]
MANY: Final = 1000
NAMES: Final = [f"fw-{n:04}" for n in range(MANY)]
pytestmark = pytest.mark.timeout(180)


def now_us() -> int:
    return time.time_ns() // 1000


@dataclass
class GatewayProcess:
    """The gateway as a child process; `folder` keeps its data and its log over restarts."""

    folder: Path
    broker: Broker
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def registry_url(self) -> str:
        return f"sqlite:///{self.folder / 'registry.db'}"

    def start(self, registry: SqlRegistry) -> None:
        """Start it and wait until it says that it has the broker."""
        environment = os.environ | {
            "LAUTERN_DATA_DIR": str(self.folder),
            "LAUTERN_REGISTRY__URL": self.registry_url,
            "LAUTERN_BROKER__MODE": "external",
            "LAUTERN_BROKER__URL": f"mqtt://{self.broker.host}:{self.broker.port}",
            "LAUTERN_GATEWAY__METRICS_PORT": str(claim_port()),
        }
        started_us = now_us()
        log_path = self.folder / "gateway.log"
        with log_path.open("ab") as log:
            program = [sys.executable, "-m", "runtime.gateway_role"]
            self.process = subprocess.Popen(program, cwd=ROOT, env=environment, stdout=log, stderr=log)
        wait_until(lambda: _beats(registry, started_us), timeout_s=40, what=f"a heartbeat, see {log_path}")

    def end(self, how: signal.Signals) -> None:
        """End it and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None


@pytest.fixture(scope="module")
def running(
    mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayProcess, SqlRegistry]]:
    """A running gateway with a thousand lamps, and its registry as the API has it."""
    program = GatewayProcess(tmp_path_factory.mktemp("gateway"), mosquitto)
    registry = open_registry(program.registry_url)
    try:
        _register(registry)
        program.start(registry)
        yield program, registry
    finally:
        program.end(signal.SIGTERM)
        registry.close()


@pytest.fixture
def gateway(running: tuple[GatewayProcess, SqlRegistry]) -> SqlRegistry:
    return running[1]


def test_single_commands_are_applied(gateway: SqlRegistry, mosquitto: Broker) -> None:
    with Lamps(mosquitto, NAMES[:40]):
        took_s = [_took_s(gateway, [_dim(gateway, name)]) for name in NAMES[:40]]
    p95 = quantiles(took_s, n=20)[-1]
    print(f"\none lamp: p50 {quantiles(took_s, n=2)[0]:.3f} s, p95 {p95:.3f} s")  # noqa: T201 - the figure is the point


def test_a_group_of_ten_is_applied_by_one_publish_each_time(gateway: SqlRegistry, mosquitto: Broker) -> None:
    with Lamps(mosquitto, NAMES[:10]) as lamps:
        took_s = [_took_s(gateway, _dim_group(gateway, "ten")) for _ in range(10)]
        assert lamps.multicasts == 10
    print(f"\ngroup of 10: slowest {max(took_s):.3f} s")  # noqa: T201 - the figure is the point


def test_group_of_a_thousand_with_loss_is_final_within_a_minute(gateway: SqlRegistry, mosquitto: Broker) -> None:
    with Lamps(mosquitto, NAMES, loss=0.05) as lamps:
        commands = _dim_group(gateway, "all")
        final_s = _took_s(gateway, commands, within_s=60, done=lambda c: c.delivery.final)
        assert lamps.multicasts == 1
        assert all(len(done) <= 1 for done in lamps.executed.values())
    applied = sum(c.delivery is DeliveryState.APPLIED for c in _now(gateway, commands))
    print(f"\ngroup of 1,000 with 5 % loss: all final after {final_s:.1f} s, {applied} applied")  # noqa: T201
    assert applied >= 0.99 * MANY


def test_offline_lamp_gets_it_when_it_returns(gateway: SqlRegistry, mosquitto: Broker) -> None:
    name = NAMES[50]
    with Lamps(mosquitto, [name]) as lamps:
        lamps.status(name, "offline")
        wait_until(lambda: _status(gateway, name) == "offline", what="offline is known")
        command = _dim(gateway, name)
        time.sleep(0.5)  # what must not happen has half a second to happen
        assert (lamps.executed[name], _now(gateway, [command])[0].delivery) == ([], DeliveryState.QUEUED)
        lamps.status(name, "online")
        _took_s(gateway, [command], within_s=5)
        assert lamps.executed[name] == [command.wire_id]


def test_silent_lamp_is_unknown_never_done(gateway: SqlRegistry, mosquitto: Broker) -> None:
    name = NAMES[60]
    with Lamps(mosquitto, [name]) as lamps:
        lamps.mute.add(name)
        command = _dim(gateway, name, deliver_by_us=now_us() + 3 * SECOND_US)
        _took_s(gateway, [command], within_s=20, done=lambda c: c.delivery.final)
        assert _now(gateway, [command])[0].delivery is DeliveryState.UNKNOWN
        assert lamps.executed[name] == [command.wire_id]


def test_killed_gateway_goes_on_after_its_restart(
    running: tuple[GatewayProcess, SqlRegistry], mosquitto: Broker
) -> None:
    program, registry = running
    names = NAMES[70:90]
    with Lamps(mosquitto, names) as lamps:
        lamps.mute.update(names[:10])
        sent = [_dim(registry, name, deliver_by_us=now_us() + 90 * SECOND_US) for name in names[:10]]
        wait_until(lambda: all(lamps.executed[name] for name in names[:10]), what="received")
        program.end(signal.SIGKILL)
        lamps.mute.clear()
        filed = [_dim(registry, name, deliver_by_us=now_us() + 90 * SECOND_US) for name in names[10:]]
        assert {c.delivery.final for c in _now(registry, [*sent, *filed])} == {False}
        program.start(registry)
        _took_s(registry, [*sent, *filed], within_s=40)
        assert all(len(lamps.executed[name]) == 1 for name in names)


def _register(registry: SqlRegistry) -> None:
    with registry.write() as tx:
        inventory, since_us = tx.get(AssetRepository), now_us() - SECOND_US
        for name in NAMES:
            inventory.add(Asset(f"lp-{name}", "kl", "streetlight", name, since_us))
            inventory.bind(DeviceBinding(f"lp-{name}", name, "kl", "streetlight", since_us))
        for group_id, members in (("ten", NAMES[:10]), ("all", NAMES)):
            lamps = tuple(f"lp-{name}" for name in members)
            tx.get(GroupRepository).put(AssetGroup(group_id, "kl", "streetlight", group_id, lamps, version=0))


def _beats(registry: SqlRegistry, since_us: int) -> bool:
    with registry.read() as tx:
        return any(b.part == "broker" and b.ok and b.at_us > since_us for b in tx.get(HeartbeatRepository).all())


def _status(registry: SqlRegistry, name: str) -> object:
    with registry.read() as tx:
        rows = tx.get(LatestValues).of_assets([f"lp-{name}"])
    return next((row.values.get("state") for row in rows if row.channel == "status"), None)


def _dim(registry: SqlRegistry, name: str, deliver_by_us: int | None = None) -> Command:
    with registry.write() as tx:
        return file_command(
            tx,
            discover_kinds(),
            tx.get(AssetRepository).get(f"lp-{name}"),
            CommandRequest("dim", {"level_pct": 40}, deliver_by_us=deliver_by_us),
            CommandOrigin("test", now_us()),
        )


def _dim_group(registry: SqlRegistry, group_id: str) -> Sequence[Command]:
    with registry.write() as tx:
        group = tx.get(GroupRepository).get(group_id)
        return file_group_command(
            tx, discover_kinds(), group, CommandRequest("dim", {"level_pct": 60}), CommandOrigin("test", now_us())
        )


def _now(registry: SqlRegistry, commands: Collection[Command]) -> Sequence[Command]:
    with registry.read() as tx:
        return tx.get(CommandRepository).by_wire_ids_of({(c.wire_id, c.asset_id) for c in commands})


def _took_s(
    registry: SqlRegistry,
    commands: Collection[Command],
    within_s: float = 10,
    done: Callable[[Command], bool] = lambda c: c.delivery is DeliveryState.APPLIED,
) -> float:
    """Seconds from the request until all are done."""
    wait_until(lambda: all(map(done, _now(registry, commands))), timeout_s=within_s, what="commands done")
    return (
        max(c.final_us or 0 for c in _now(registry, commands)) / SECOND_US
        - min(c.issued_us for c in commands) / SECOND_US
    )
