"""CPU of the way from the journal to the store's request, per message: files are real, no broker and no store's server.

For comparing two states of the code on a machine that does other things, too: time of the thread, not of the clock.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import Registry
from benchmarks.parts.load import name, payload, topic
from devices.kind_catalog import discover_kinds
from devices.samples import RawMessage
from gateway.decode import MessageDecoder
from gateway.dispatch.command_progress import CommandProgress
from gateway.effects.cursor import EffectsCursor, build_effects
from gateway.journal_lane import JournalLane
from gateway.store_cursor import StoreCursor
from gateway.store_queue import StoreQueue
from runtime.garbage_collection import GarbageTidying
from storage.journal.sqlite_dedup_index import SqliteDedupIndex, SqliteVerdicts
from storage.journal.sqlite_journal import SqliteJournalReader, SqliteJournalWriter
from storage.registry.engine import open_registry
from storage.telemetry.influx_http import InfluxHttp
from storage.telemetry.influx_writer import InfluxTelemetryWriter

GIB = 2**30
US_A_MESSAGE = 50


class SilentHttp(InfluxHttp):
    """Takes all, and sends nothing."""

    def write(self, bucket: str, lines: object, precision: str = "us") -> None:
        """Make the body of the request."""
        del bucket, precision
        lines if isinstance(lines, bytes) else "\n".join(lines).encode()  # type: ignore[arg-type]

    def ensure_bucket(self, name: str, retention_s: int) -> None:
        """There is one."""

    def query(self, *_asked: object) -> Iterator[Any]:
        """Nothing was ever stored."""
        return iter(())


def main() -> int:
    """Fill a journal, walk it with both cursors, print µs per message of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=1000, help="messages that the receiver commits together")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        effects, store = _cursors(Path(folder), stack, options)
        GarbageTidying()
        effects.run_pass()
        store.store_due()
        profile = cProfile.Profile()
        spent, walked = {"effects": 0.0, "store": 0.0}, effects.messages
        if options.profile:
            profile.enable()
        while True:
            began = time.thread_time()
            done = effects.run_pass()
            between = time.thread_time()
            store.store_due()
            spent["effects"] += between - began
            spent["store"] += time.thread_time() - between
            if not done:
                break
        profile.disable()
        if store.stored_samples != options.messages:
            raise RuntimeError(f"only {store.stored_samples} of {options.messages} were accepted")
        for part, seconds in spent.items():
            sys.stdout.write(f"{part}: {seconds / (effects.messages - walked) * 1e6:.1f} µs per message\n")
        if options.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    return 0


def _add_devices(registry: Registry, devices: int, first_us: int) -> None:
    with registry.write() as tx:
        for device in range(devices):
            thing = Asset(name(device), "bench", "streetlight", name(device), first_us, lat=49.44, lon=7.77)
            tx.get(AssetRepository).add(thing)
            tx.get(AssetRepository).bind(DeviceBinding(name(device), name(device), "bench", "streetlight", 0))


def _fill_journal(journal: SqliteJournalWriter, options: argparse.Namespace, first_us: int) -> None:
    for at in range(0, options.messages, options.batch):
        some = (divmod(n, options.devices) for n in range(at, min(at + options.batch, options.messages)))
        journal.append(
            [
                RawMessage(
                    topic(device).encode(),
                    payload(device, seq, first_us + seq * 1000, "b1"),
                    qos=1,
                    retained=False,
                    duplicate=False,
                    received_us=time.time_ns() // 1000,
                )
                for seq, device in some
            ]
        )


def _cursors(folder: Path, stack: ExitStack, options: argparse.Namespace) -> tuple[EffectsCursor, StoreCursor]:
    catalog, first_us = discover_kinds(), time.time_ns() // 1000 - 400_000_000
    registry = open_registry(f"sqlite:///{folder / 'registry.db'}", migrate=True, checkpoints=True)
    stack.callback(registry.close)
    _add_devices(registry, options.devices, first_us)
    journal = SqliteJournalWriter(folder / "journal.db", GIB)
    stack.callback(journal.close)
    _fill_journal(journal, options, first_us)
    readers = [SqliteJournalReader(folder / "journal.db", GIB) for _ in range(2)]
    identity, verdicts = SqliteDedupIndex(folder / "identity.db"), SqliteVerdicts(folder / "identity.db")
    for close in (*(reader.close for reader in readers), identity.close, verdicts.close):
        stack.callback(close)
    org = "-"
    writer = InfluxTelemetryWriter(
        url="http://localhost:1", org=org, token=org, bucket_prefix="b", catalog=catalog, state_path=folder / "t.db"
    )
    writer._http.__class__ = SilentHttp  # noqa: SLF001 - no seam for what nobody else needs
    stack.callback(writer.close)
    handover = StoreQueue()
    lane = JournalLane("lane", readers[0], lambda _through: None)
    started_us = time.time_ns() // 1000

    def walked() -> int:
        return effects.messages

    effects, _ = build_effects(
        lanes=[(lane, handover)],
        decoder=MessageDecoder(catalog),
        catalog=catalog,
        identity=identity,
        registry=registry,
        answers=CommandProgress(catalog),
        reactions={},
        # As if they came at a rate, however busy the machine: rules look at a device once a second.
        now_us=lambda: started_us + walked() * US_A_MESSAGE,
    )
    store = StoreCursor(
        lane=JournalLane("lane", readers[1], lambda _through: None),
        handover=handover,
        verdicts=verdicts,
        decoder=MessageDecoder(catalog),
        registry=registry,
        writer=writer,
    )
    return effects, store


if __name__ == "__main__":
    sys.exit(main())
