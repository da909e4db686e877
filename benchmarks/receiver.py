"""CPU of the telemetry receiver alone, per message until it is in the journal: both packet readers in turn."""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.parts import gateway
from benchmarks.parts.cost import cpu_s
from storage.journal.sqlite_journal import SqliteJournalReader
from tests.real_parts import mosquitto
from tests.real_parts.brokers import Broker

READERS = ("paho", "batch")


@dataclass(frozen=True)
class Figures:
    """One run: messages/s, CPU µs per message, messages per journal batch."""

    rate: float
    cpu_us: float
    messages_per_batch: float


@dataclass
class Receiver:
    """The process as its gateway would run it; what it journals is released at once."""

    process: subprocess.Popen[str]
    journal: Path
    state: dict[str, Any] = field(default_factory=dict)
    batches: int = 0
    _released: int = 0

    def listen(self) -> None:
        """Keep its newest word; ends with the process."""
        for line in self.process.stdout or ():
            self.state = json.loads(line)

    def wait(self, key: str, least: float) -> None:
        """Return when a figure of its state is at least this."""
        deadline = time.monotonic() + 120
        while self.state.get(key, 0) < least:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{key} is {self.state.get(key)}, not {least}")
            self._release()
            time.sleep(0.05)

    def _release(self) -> None:
        if not self.journal.exists() or not self.state:
            return
        reader = SqliteJournalReader(self.journal, 1)
        newest = reader.fill().newest_batch_id
        reader.close()
        if newest > self._released and self.process.stdin:
            self.batches += newest - self._released if self._released else 1
            self._released = newest
            self.process.stdin.write(f"{newest}\n")
            self.process.stdin.flush()


@contextmanager
def running(folder: Path) -> Iterator[Receiver]:
    """Run the receiver until the block ends; returns when it is subscribed."""
    command = [sys.executable, "-m", "runtime.receiver_role", "--data-dir", str(folder)]
    with (folder / "receiver.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    receiver = Receiver(process, folder / "journal-telemetry.db")
    threading.Thread(target=receiver.listen, daemon=True).start()
    try:
        if process.stdin:
            process.stdin.write("0\n")
            process.stdin.flush()
        receiver.wait("connected", 1)
        yield receiver
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(15)


def measure(broker: Broker, receiver: Receiver, options: argparse.Namespace) -> Figures:
    """Publish the load and wait until all of it is journalled."""
    first_us = time.time_ns() // 1000
    command = [sys.executable, "-m", "benchmarks.parts.load", "--port", str(broker.port), "--first-us", str(first_us)]
    command += ["--messages", str(options.messages), "--devices", str(options.devices), "--rate", str(options.rate)]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if load.stdout is None or load.stdin is None:
        raise RuntimeError("no pipes to the load")
    load.stdout.readline()
    cpu_before = cpu_s(receiver.process.pid)
    load.stdin.write("go\n")
    load.stdin.flush()
    receiver.wait("journalled", options.messages)
    cpu = cpu_s(receiver.process.pid) - cpu_before
    began_us = float(load.stdout.read().split()[0]) * 1e6
    rate = options.messages / (receiver.state["last_commit_us"] - began_us) * 1e6
    return Figures(rate, cpu / options.messages * 1e6, options.messages / max(1, receiver.batches))


def main() -> int:
    """Run the readers in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0, help="messages/s; without it as fast as the broker takes them")
    parser.add_argument("--readers", nargs="+", default=READERS)
    options = parser.parse_args()
    figures: dict[str, list[Figures]] = {reader: [] for reader in options.readers}
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.rounds):
            for reader in options.readers:
                figures[reader].append(_round(Path(name) / f"{reader}-{number}", reader, options))
    table = Table(title="receiver: QoS 1, mosquitto, journal synced (median of rounds; each round in brackets)")
    for column in ("packet reader", "messages/s", "CPU µs per message", "messages per journal batch"):
        table.add_column(column)
    for reader, of_it in figures.items():
        table.add_row(
            reader, *(_median([getattr(f, k) for f in of_it]) for k in ("rate", "cpu_us", "messages_per_batch"))
        )
    Console().print(table)
    return 0


def _round(folder: Path, reader: str, options: argparse.Namespace) -> Figures:
    folder.mkdir()
    with mosquitto.running(folder, autosave=False) as broker:
        gateway.write_settings(folder / "data", broker, None)
        settings = folder / "data" / "lautern.toml"
        settings.write_text(settings.read_text().replace("[broker]", f'[broker]\npacket_reader = "{reader}"'))
        with running(folder / "data") as receiver:
            return measure(broker, receiver, options)


def _median(values: list[float]) -> str:
    return f"{median(values):,.1f} ({', '.join(f'{v:,.1f}' for v in values)})"


if __name__ == "__main__":
    sys.exit(main())
