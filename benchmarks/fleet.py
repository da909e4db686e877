"""A town's lamps on the embedded broker: connected, commanded one by one and as a group, and back after its kill."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from rich.console import Console
from rich.table import Table

from application.commands.command_filing import CommandOrigin, file_command, file_group_command
from application.commands.command_request import CommandRequest
from application.ports.commands import CommandRepository
from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository
from benchmarks.parts.cost import cpu_s, pss_mb
from devices.commands.command import Command
from devices.kind_catalog import discover_kinds
from storage.registry.engine import SqlRegistry
from tests.faults.embedded import Embedded, embedded
from tests.real_parts.brokers import Login
from tests.real_parts.certificates import self_signed
from tests.system.speaking import now_us

CATALOG: Final = discover_kinds()
DELIVERY_S: Final = 60
LONGEST_S: Final = 120.0
AT_ONCE: Final = 250


class Fleet:
    """The lamps, in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def counts(self) -> dict[str, int]:
        """The next word of theirs, each half second."""
        said: dict[str, int] = json.loads(cast("IO[str]", self._process.stdout).readline())
        return said

    def wait(
        self, done: Callable[[dict[str, int]], bool], longest_s: float = LONGEST_S
    ) -> tuple[float, dict[str, int]]:
        """Seconds until it was so, and the counts; what never came so shows in the counts."""
        began = time.monotonic()
        counts = self.counts()
        while not done(counts) and time.monotonic() - began < longest_s:
            counts = self.counts()
        return time.monotonic() - began, counts


@contextmanager
def lamps(file: Path, port: int, logins: Sequence[Login], qos: int, certificate: Path | None = None) -> Iterator[Fleet]:
    """Lamps that come, and come back, until the block ends; `file` is for their logins."""
    file.write_text("".join(json.dumps({"user": x.user, "password": x.password}) + "\n" for x in logins))
    command = [
        sys.executable,
        "-m",
        "benchmarks.parts.lamp_fleet",
        str(file),
        "--port",
        str(port),
        "--qos",
        str(qos),
    ]
    command += ["--ca-file", str(certificate)] if certificate else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Fleet(process)
        finally:
            process.communicate()


def one_by_one(registry: SqlRegistry, devices: Sequence[str]) -> tuple[float, Counter[str]]:
    """Dim each lamp by a command of its own; seconds from the first request to the last final state."""
    began = time.monotonic()
    filed: list[Command] = []
    for at in range(0, len(devices), AT_ONCE):
        with registry.write() as tx:
            assets = tx.get(AssetRepository).many(devices[at : at + AT_ONCE])
            filed += [file_command(tx, CATALOG, asset, *_dim(30)) for asset in assets.values()]
    return _until_final(registry, {c.wire_id for c in filed}, began)


def as_a_group(registry: SqlRegistry, devices: Sequence[str], level: int) -> tuple[float, Counter[str]]:
    """Dim all by one command to their group."""
    began = time.monotonic()
    group_id = f"all-{level}"
    with registry.write() as tx:
        group = tx.get(GroupRepository).put(
            AssetGroup(group_id, "kl", "streetlight", group_id, tuple(devices), version=0)
        )
        filed = file_group_command(tx, CATALOG, group, *_dim(level))
    return _until_final(registry, {filed[0].wire_id}, began)


def _dim(level: int) -> tuple[CommandRequest, CommandOrigin]:
    request = CommandRequest("dim", {"level_pct": level}, deliver_within_s=DELIVERY_S, duration_s=3600)
    return request, CommandOrigin("benchmark", now_us())


def _until_final(registry: SqlRegistry, wire_ids: set[str], began: float) -> tuple[float, Counter[str]]:
    took_s, final = 0.0, False
    while not final and took_s < LONGEST_S:
        time.sleep(0.5)
        with registry.read() as tx:
            ours = [c for c in tx.get(CommandRepository).awaiting(1_000_000) if c.wire_id in wire_ids]
        took_s, final = time.monotonic() - began, all(c.delivery.final for c in ours)
    with registry.read() as tx:
        all_of_them = [c for wire_id in wire_ids for c in tx.get(CommandRepository).by_wire_id(wire_id)]
    return took_s, Counter(c.delivery.value for c in all_of_them)


def measure(folder: Path, number: int, qos: int, certificate: Path | None) -> list[tuple[str, str]]:
    """What one town did, line by line."""
    devices = [f"lamp-{n:05d}" for n in range(number)]
    with embedded(folder / "data", devices, certificate=certificate) as (town, logins), _registry(town) as registry:
        broker, callout, gateway = (town.child(m) for m in ("nats-server", "auth_callout_role", "gateway_role"))
        found = [("broker, nobody there, MB", f"{pss_mb(broker):.0f}")]

        def seen(what: str, took_s: float, more: object) -> None:
            costs = {"broker": cpu_s(broker), "callout": cpu_s(callout), "gateway": cpu_s(gateway)}
            spent = ", ".join(f"{name} {seconds:.0f} s CPU" for name, seconds in costs.items())
            found.append((what, f"{took_s:.1f} s; {more}"))
            sys.stderr.write(f"{what}: {took_s:.1f} s; {more}; {spent}; broker {pss_mb(broker):.0f} MB\n")

        with lamps(folder / "logins.jsonl", town.port, list(logins.values()), qos, certificate) as fleet:
            took_s, counts = fleet.wait(lambda c: c["connected"] == number)
            seen("all connected and subscribed", took_s, counts)
            found.append(("broker, all subscribed, MB", f"{pss_mb(broker):.0f}"))
            seen("one command each", *one_by_one(registry, devices))
            seen("one command to all", *as_a_group(registry, devices, 40))
            found.append(("broker, all commanded, MB", f"{pss_mb(broker):.0f}"))
            os.kill(broker, signal.SIGKILL)
            fleet.wait(lambda c: c["connected"] < number // 2)
            took_s, counts = fleet.wait(lambda c: c["connected"] == number)
            broker = town.child("nats-server")
            seen("all back after its kill", took_s, counts)
            found.append(("broker, all back, MB", f"{pss_mb(broker):.0f}"))
            seen("one command to all", *as_a_group(registry, devices, 50))
            _, counts = fleet.wait(lambda _: True)
            found.append(("lamps' own counts", str(counts)))
        return found


@contextmanager
def _registry(town: Embedded) -> Iterator[SqlRegistry]:
    registry = town.registry()
    try:
        yield registry
    finally:
        registry.close()


def main() -> int:
    """Measure and print; with --tls over TLS."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=10_000)
    parser.add_argument("--qos", type=int, default=0, help="of the lamps' subscriptions")
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate = self_signed(folder / "broker.pem", "127.0.0.1") if options.tls else None
        found = measure(folder, options.lamps, options.qos, certificate)
    table = Table("what", "figure", title=f"{options.lamps:,} lamps, embedded broker{', TLS' * options.tls}")
    for row in found:
        table.add_row(*row)
    Console(width=160).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
