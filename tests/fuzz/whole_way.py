"""All that a message passes between journal and store, on real files, in one thread."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devices.instants import DAY_US
from devices.kind import DeviceKind
from devices.ports.books import Ledger, LedgerLine
from devices.ports.inventory import Asset, Binding, Inventory
from devices.ports.journal import Batch, Fill
from devices.samples import RawMessage, Sample
from gateway.bindings import Bindings
from gateway.decode import Decoder
from gateway.dispatch.answers import Answers
from gateway.effects.apply import Apply
from gateway.effects.cursor import EffectsCursor
from gateway.effects.reachability import Reachability
from gateway.effects.views import Views
from gateway.effects.watch import Watch
from gateway.handover import HandOver
from gateway.lane import Lane
from gateway.store_cursor import StoreCursor
from runtime.gateway_role import reactions_of
from storage.journal.sqlite_identity import SqliteIdentity, SqliteVerdicts
from storage.registry.engine import SqlRegistry, open_registry
from storage.telemetry import SqliteTelemetryReader, SqliteTelemetryWriter
from storage.telemetry.influx_lines import Lines
from storage.telemetry.schema import Schema
from tests.fuzz.hostile import CATALOG, KINDS, NOW_US, device_of


class Given:
    """A journal of batches that are given."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def give(self, messages: Sequence[RawMessage]) -> None:
        """One more batch, in place of the last."""
        last = self.batches[-1].batch_id if self.batches else 0
        self.batches = [Batch(last + 1, messages)]

    def read(self, after: int) -> Batch | None:
        """The next batch."""
        return next((batch for batch in self.batches if batch.batch_id > after), None)

    def fill(self) -> Fill:
        """Of no interest here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to close."""


class _Writer(SqliteTelemetryWriter):
    """The store in a file; of all that it is given there must be a form for InfluxDB, too."""

    def __init__(self, *, path: Path, catalog: Mapping[str, DeviceKind]) -> None:
        super().__init__(path=path, catalog=catalog)
        self._lines = Lines(Schema(catalog))

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
        identity = SqliteIdentity(folder / "identity.db")
        stack.callback(identity.close)
        verdicts = SqliteVerdicts(folder / "identity.db")
        stack.callback(verdicts.close)
        self.reactions = reactions_of(registry, reader, CATALOG)
        bindings, handover = Bindings(), HandOver()
        views = Views(bindings.ownership)
        reachability = Reachability(CATALOG, bindings, views)
        lane = Lane("lane", self._journal, lambda _through: None)
        self._effects = EffectsCursor(
            lanes=[(lane, handover)],
            decoder=Decoder(CATALOG),
            identity=identity,
            registry=registry,
            bindings=bindings,
            apply=Apply(
                registry=registry,
                bindings=bindings,
                views=views,
                watch=Watch(CATALOG, reachability, self.reactions),
                reachability=reachability,
                answers=Answers(CATALOG),
                reactions=self.reactions,
            ),
            now_us=lambda: NOW_US,
        )
        self._store = StoreCursor(
            lane=lane,
            handover=handover,
            verdicts=verdicts,
            decoder=Decoder(CATALOG),
            registry=registry,
            writer=self.writer,
        )

    def take(self, messages: Sequence[RawMessage]) -> None:
        """All that becomes of some messages; raises what would end the gateway."""
        self._journal.give(messages)
        assert self._effects.step() == len(messages)
        self._store.step()

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
            assert tx.get(Ledger).missing() >= 0
            return tx.get(Ledger).lines()


@contextmanager
def whole_way(folder: Path, registry_url: str | None = None) -> Iterator[WholeWay]:
    """Opened on a registry of its own, or on an empty one."""
    with ExitStack() as stack:
        registry = open_registry(registry_url or f"sqlite:///{folder / 'registry.db'}")
        stack.callback(registry.close)
        with registry.write() as tx:
            assets = [Asset(f"a-{kind}", "kl", kind, kind, 0) for kind in KINDS]
            bindings = [Binding(f"a-{kind}", device_of(kind), "kl", kind, 0) for kind in KINDS]
            tx.get(Inventory).add_many(assets, bindings)
        yield WholeWay(folder, registry, stack)
