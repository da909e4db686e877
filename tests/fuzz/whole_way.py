"""All that a message passes between journal and store, on real files, in one thread."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.journal import JournalBatch, JournalFill
from application.ports.message_ledger import LedgerLine, MessageLedger
from devices.kind import DeviceKind
from devices.samples import RawMessage, Sample
from devices.time_us import DAY_US
from gateway.decode import MessageDecoder
from gateway.dispatch.command_progress import CommandProgress
from gateway.effects.cursor import build_effects
from gateway.journal_lane import JournalLane
from gateway.store_cursor import StoreCursor
from gateway.store_queue import StoreQueue
from runtime.gateway_role import reactions_of
from storage.journal.sqlite_dedup_index import SqliteDedupIndex, SqliteVerdicts
from storage.registry.engine import SqlRegistry, open_registry
from storage.telemetry.influx_lines import LineRenderer
from storage.telemetry.schema import StoreSchema
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.fuzz.hostile import CATALOG, KINDS, NOW_US, device_of


class Given:
    """A journal of batches that are given."""

    def __init__(self) -> None:
        self.batches: list[JournalBatch] = []

    def give(self, messages: Sequence[RawMessage]) -> None:
        """One more batch, in place of the last."""
        last = self.batches[-1].batch_id if self.batches else 0
        self.batches = [JournalBatch(last + 1, messages)]

    def read(self, after: int) -> JournalBatch | None:
        """The next batch."""
        return next((batch for batch in self.batches if batch.batch_id > after), None)

    def fill(self) -> JournalFill:
        """Of no interest here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to close."""


class _Writer(SqliteTelemetryWriter):
    """The store in a file; of all that it is given there must be a form for InfluxDB, too."""

    def __init__(self, *, path: Path, catalog: Mapping[str, DeviceKind]) -> None:
        super().__init__(path=path, catalog=catalog)
        self._lines = LineRenderer(StoreSchema(catalog))

    def write(self, samples: Sequence[Sample]) -> None:
        """See `TelemetryWriter.write`."""
        rendered = self._lines.render(samples)
        assert rendered.refused == {}
        for lines in rendered.lines.values():
            assert "\n".join(lines).encode().count(b"\n") == len(lines) - 1
        super().write(samples)


class WholeWay:
    """Judge, registry, rules, reactions, both stores' encodings, rollups; a device of each kind is registered."""

    def __init__(self, folder: Path, registry: SqlRegistry, stack: ExitStack) -> None:
        self._registry = registry
        self._journal = Given()
        self.writer = _Writer(path=folder / "telemetry.db", catalog=CATALOG)
        stack.callback(self.writer.close)
        reader = SqliteTelemetryReader(path=folder / "telemetry.db", catalog=CATALOG)
        stack.callback(reader.close)
        identity = SqliteDedupIndex(folder / "identity.db")
        stack.callback(identity.close)
        verdicts = SqliteVerdicts(folder / "identity.db")
        stack.callback(verdicts.close)
        self.reactions = reactions_of(registry, reader, CATALOG)
        handover = StoreQueue()
        lane = JournalLane("lane", self._journal, lambda _through: None)
        self._effects = build_effects(
            lanes=[(lane, handover)],
            decoder=MessageDecoder(CATALOG),
            catalog=CATALOG,
            identity=identity,
            registry=registry,
            answers=CommandProgress(CATALOG),
            reactions=self.reactions,
            now_us=lambda: NOW_US,
        ).cursor
        self._store = StoreCursor(
            lane=lane,
            handover=handover,
            verdicts=verdicts,
            decoder=MessageDecoder(CATALOG),
            registry=registry,
            writer=self.writer,
        )

    def take(self, messages: Sequence[RawMessage]) -> None:
        """All that becomes of some messages; raises what would end the gateway."""
        self._journal.give(messages)
        assert self._effects.run_pass() == len(messages)
        self._store.store_due()

    def later(self) -> None:
        """What comes of it in its own time."""
        while self._effects.clock(due=True):
            pass
        for reactions in self.reactions.values():
            reactions.work(NOW_US + DAY_US)
        while self.writer.roll_up(NOW_US + 2 * DAY_US):
            pass

    def ledger(self) -> Sequence[LedgerLine]:
        """All lines; also asks for the sum of what is missing, as /metrics does."""
        with self._registry.read() as tx:
            assert tx.get(MessageLedger).missing() >= 0
            return tx.get(MessageLedger).lines()


@contextmanager
def whole_way(folder: Path, registry_url: str | None = None) -> Iterator[WholeWay]:
    """Opened on a registry of its own, or on an empty one."""
    with ExitStack() as stack:
        registry = open_registry(registry_url or f"sqlite:///{folder / 'registry.db'}")
        stack.callback(registry.close)
        with registry.write() as tx:
            assets = [Asset(f"a-{kind}", "kl", kind, kind, 0) for kind in KINDS]
            bindings = [DeviceBinding(f"a-{kind}", device_of(kind), "kl", kind, 0) for kind in KINDS]
            tx.get(AssetRepository).add_many(assets, bindings)
        yield WholeWay(folder, registry, stack)
