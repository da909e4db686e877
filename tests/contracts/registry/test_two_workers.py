"""Two workers with disjoint devices leave the registry as one does: in any order, and wherever one of them is killed.

Kinds, their reactions and simulated devices are found, so that a later one is part of this without a word here.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, select, text

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import RegistryTransaction
from devices.kind_catalog import discover_kinds
from devices.messages import PROTOCOL_VERSION
from devices.samples import RawMessage
from devices.time_us import SECOND_US, rfc3339
from gateway.decode import MessageDecoder
from gateway.dispatch.command_progress import CommandProgress
from gateway.effects.cursor import build_effects
from gateway.journal_lane import JournalLane
from gateway.store_cursor import StoreCursor
from gateway.store_queue import StoreQueue
from runtime.gateway_role import reactions_of
from simulators.device import SimulatedDevice
from simulators.fleet import devices_of, simulated_kinds
from simulators.options import BrokerAddress, SimulationOptions
from storage.registry.engine import SqlRegistry, open_registry
from storage.registry.metadata import METADATA
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.unit.gateway.fakes import MemoryIdentity, MemoryJournal

CATALOG: Final = discover_kinds()
T0_US: Final = 1_790_000_000_000_000
LONG: Final = bool(os.environ.get("LAUTERN_TEST_LONG"))
OWN: Final = frozenset({"positions", "revisions", "alembic_version", "heartbeats", "leases"})
"""Tables in which workers keep where they are, or count what they did."""
RANDOM: Final = frozenset({"alarm_id", "change_id", "id", "mark_id", "seq"})
P = TypeVar("P")


class Killed(BaseException):
    """A worker ends amid what it does."""


@dataclass
class Doom:
    """Kills at the n-th thing that a worker does with the registry; never where `at` is None."""

    at: int | None = None

    def draw_near(self) -> None:
        if self.at is not None:
            self.at -= 1
            if self.at < 0:
                self.at = None
                raise Killed


class DoomedTransaction:
    def __init__(self, tx: RegistryTransaction, doom: Doom) -> None:
        self._tx, self._doom = tx, doom

    def get(self, port: type[P]) -> P:
        self._doom.draw_near()
        return self._tx.get(port)


class DoomedRegistry:
    """A registry at which a worker may be killed: at each of its words, before the commit and after it."""

    def __init__(self, registry: SqlRegistry, doom: Doom) -> None:
        self._registry, self._doom = registry, doom

    @contextmanager
    def read(self) -> Iterator[DoomedTransaction]:
        with self._registry.read() as tx:
            yield DoomedTransaction(tx, self._doom)

    @contextmanager
    def write(self) -> Iterator[DoomedTransaction]:
        with self._registry.write() as tx:
            yield DoomedTransaction(tx, self._doom)
            self._doom.draw_near()
        self._doom.draw_near()


class World:
    """A registry and a store that workers share, and the time."""

    def __init__(self, registry: SqlRegistry, folder: Path, stack: ExitStack) -> None:
        self.registry = registry
        self.now_us = T0_US
        self.writer = SqliteTelemetryWriter(path=folder / "telemetry.db", catalog=CATALOG)
        stack.callback(self.writer.close)
        self.reader = SqliteTelemetryReader(path=folder / "telemetry.db", catalog=CATALOG)
        stack.callback(self.reader.close)


class Worker:
    """Effects, rules, reactions and store cursor of some devices; its journal and identities outlive it."""

    def __init__(self, world: World, lane: str, owns: Callable[[str], bool]) -> None:
        self._world, self._lane, self._owns = world, lane, owns
        self._journal, self._identity = MemoryJournal(), MemoryIdentity()
        self.doom = Doom()
        self.start()

    def start(self) -> None:
        world: Any = self._world
        registry: Any = DoomedRegistry(world.registry, self.doom)
        journal: Any = self._journal
        identity: Any = self._identity
        queue = StoreQueue()
        lane = JournalLane(self._lane, journal, lambda _through: None)
        self._reactions = reactions_of(registry, world.reader, CATALOG, self._owns)
        self._effects = build_effects(
            lanes=[(lane, queue)],
            decoder=MessageDecoder(CATALOG),
            catalog=CATALOG,
            identity=identity,
            registry=registry,
            answers=CommandProgress(CATALOG),
            reactions=self._reactions,
            now_us=lambda: int(world.now_us),
            owns=self._owns,
        ).cursor
        self._store = StoreCursor(
            lane=lane,
            handover=queue,
            verdicts=identity,
            decoder=MessageDecoder(CATALOG),
            registry=registry,
            writer=world.writer,
        )

    def take(self, messages: Sequence[RawMessage]) -> None:
        self._journal.batches[len(self._journal.batches) + 1] = messages
        self.survive(self.catch_up)

    def catch_up(self) -> None:
        while self._effects.run_pass():
            pass
        while self._store.store_due():
            pass

    def clock(self) -> None:
        while self._effects.clock(due=True):
            pass

    def work(self) -> None:
        for reactions in self._reactions.values():
            reactions.work(self._world.now_us)

    def survive(self, do: Callable[[], None]) -> None:
        """Do it; who is killed starts anew, catches up, and does it again."""
        try:
            do()
        except Killed:
            self.start()
            self.catch_up()
            do()


@dataclass
class Voice:
    """A simulated device on its wire."""

    device: SimulatedDevice
    seq: int = 0
    begun: bool = False
    said: list[RawMessage] = field(default_factory=list)

    def until(self, now_us: int) -> list[RawMessage]:
        self.said = []
        if not self.begun:
            self.begun = True
            self._say(self.device.start(T0_US), T0_US)
        while (due_us := self.device.due_us()) <= now_us:
            self._say(self.device.tick(due_us), due_us)
        return self.said

    def state(self, state: str, now_us: int) -> RawMessage:
        return self._message("status", {"v": PROTOCOL_VERSION, "boot_id": "b", "state": state}, now_us)

    def _say(self, reports: Sequence[Any], now_us: int) -> None:
        for report in reports:
            self.seq += 1
            head = {"v": PROTOCOL_VERSION, "device_id": self.device.device_id, "boot_id": "b", "seq": self.seq}
            at_us = now_us if report.ts_us is None else report.ts_us
            channel = f"{report.channel}/{report.name}" if report.name else report.channel
            self.said.append(self._message(channel, head | {"ts": rfc3339(at_us)} | dict(report.body), now_us))

    def _message(self, channel: str, body: dict[str, Any], now_us: int) -> RawMessage:
        topic = f"city/v1/kl/{self.device.kind}/{self.device.device_id}/{channel}".encode()
        payload = json.dumps(body).encode()
        return RawMessage(topic, payload, 1, retained=False, duplicate=False, received_us=now_us)


@dataclass(frozen=True)
class Step:
    """What comes next: messages to a worker, the clock of all, or the reactions' own work; killed at, or not."""

    worker: int
    what: str
    messages: tuple[RawMessage, ...]
    now_us: int
    killed_at: int | None


def voices() -> list[list[Voice]]:
    """Two devices of each kind, one for each worker; all of the second hang behind the first's."""
    nowhere = BrokerAddress("", 0)
    fleets = [devices_of(SimulationOptions(kind, nowhere, 2)) for kind in sorted(simulated_kinds())]
    return [[Voice(fleet[n]) for fleet in fleets if n < len(fleet)] for n in (0, 1)]


PLANS: Final = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(("say", "say", "say", "offline", "online", "clock", "work")),
        st.integers(1, 30),
        st.one_of(st.none(), st.integers(0, 60)),
    ),
    min_size=3,
    max_size=10,
)


def steps_of(plan: Sequence[tuple[int, str, int, int | None]]) -> list[Step]:
    now_us, speaking, steps = T0_US, voices(), []
    for worker, what, seconds, killed_at in plan:
        now_us += seconds * SECOND_US
        messages: list[RawMessage] = []
        if what in {"offline", "online"}:
            messages = [voice.state(what, now_us) for voice in speaking[worker]]
        elif what == "say":
            messages = [message for voice in speaking[worker] for message in voice.until(now_us)]
        steps.append(Step(worker, what, tuple(messages), now_us, killed_at))
    ends = [Step(0, what, (), now_us + n * 3600 * SECOND_US, None) for n in (1, 2) for what in ("work", "clock")]
    return steps + ends


def register(registry: SqlRegistry) -> dict[str, int]:
    """Register all devices; returns the worker of each asset."""
    first, second = voices()
    parent = f"a-{first[0].device.device_id}"
    owner = {f"a-{voice.device.device_id}": n for n, some in enumerate((first, second)) for voice in some}
    with registry.write() as tx:
        for n, some in enumerate((first, second)):
            for voice in some:
                name, kind = voice.device.device_id, voice.device.kind
                tx.get(AssetRepository).add(Asset(f"a-{name}", "kl", kind, name, 0, via=parent if n else None))
                tx.get(AssetRepository).bind(DeviceBinding(f"a-{name}", name, "kl", kind, 0))
    return owner


def follow(steps: Sequence[Step], world: World, workers: Sequence[Worker]) -> None:
    for step in steps:
        world.now_us = step.now_us
        mine = workers[step.worker % len(workers)]
        if len(workers) > 1:
            mine.doom.at = step.killed_at
        if step.messages:
            mine.take(step.messages)
        elif step.what == "clock":
            for worker in workers:
                worker.survive(worker.clock)
        elif step.what == "work":
            for worker in workers:
                worker.survive(worker.work)
        mine.doom.at = None


def rows(connection: Connection) -> dict[str, list[str]]:
    """What the registry says, without what is random and what tells of the workers themselves."""
    found: dict[str, list[str]] = {}
    for table in METADATA.sorted_tables:
        if table.name not in OWN:
            told = (row._mapping for row in connection.execute(select(table)))
            # Judged again after a kill, a device without a gap has that on record; it tells nothing.
            found[table.name] = sorted(_text(row) for row in told if row.get("missing") != 0)
    return {name: some for name, some in found.items() if some}


def _text(row: Any) -> str:
    return repr(sorted((name, _plain(value)) for name, value in row.items() if name not in RANDOM))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in sorted(value.items()) if name not in RANDOM}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def ran(url: str, folder: Path, steps: Sequence[Step], *, several: bool) -> dict[str, list[str]]:
    """The registry, emptied before, after all steps in one worker or two."""
    folder.mkdir()
    with ExitStack() as stack:
        engine = create_engine(url)
        stack.callback(engine.dispose)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                connection.execute(text(f"TRUNCATE {', '.join(METADATA.tables)} RESTART IDENTITY CASCADE"))
            else:
                for table in reversed(METADATA.sorted_tables):
                    connection.execute(text(f'DELETE FROM "{table.name}"'))
        registry = open_registry(url)
        stack.callback(registry.close)
        owner = register(registry)
        world = World(registry, folder, stack)
        parts: list[Callable[[str], bool]] = [lambda _: True]
        if several:
            parts = [lambda asset_id, n=n: owner.get(asset_id) == n for n in (0, 1)]  # type: ignore[misc]
        follow(steps, world, [Worker(world, f"lane-{n}", owns) for n, owns in enumerate(parts)])
        with engine.connect() as connection:
            return rows(connection)


@pytest.mark.timeout(300)
def test_two_workers_leave_the_registry_as_one_does(registry_url: str, tmp_path: Path) -> None:
    count = iter(range(1_000_000))

    @settings(
        max_examples=200 if LONG else 8,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(plan=PLANS)
    def check(plan: list[tuple[int, str, int, int | None]]) -> None:
        steps = steps_of(plan)
        expected = ran(registry_url, tmp_path / str(next(count)), steps, several=False)
        assert ran(registry_url, tmp_path / str(next(count)), steps, several=True) == expected

    check()


def test_a_parent_that_another_worker_lost_excuses_its_children(registry_url: str, tmp_path: Path) -> None:
    """What a worker remembers of a device that another follows is of the revision that the registry has."""
    plan = [(1, "say", 5, None), (0, "online", 5, None), (1, "online", 5, None), (0, "clock", 1, None)]
    plan += [(0, "offline", 5, None), (1, "offline", 5, None), (0, "clock", 1, None)]
    steps = steps_of([(w, what, s, None) for w, what, s, _ in plan])
    expected = ran(registry_url, tmp_path / "one", steps, several=False)
    assert any("unreachable" in row for row in expected["latest"])
    assert ran(registry_url, tmp_path / "two", steps, several=True) == expected
