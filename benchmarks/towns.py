"""Device search and newest values of one town out of thirty, through the API, on both registries."""

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Final

import psycopg
from rich.console import Console
from rich.table import Table

from application.ports.inventory import Asset, AssetGroup, AssetRepository, DeviceBinding, GroupRepository
from application.ports.latest_values import LatestValue, LatestValues
from benchmarks.parts import cost
from benchmarks.query import values
from runtime import settings
from runtime.audit_setup import audit_signer_of
from storage.registry.engine import SqlRegistry, open_registry
from tests.real_parts import ports
from tests.real_parts.operator import add_town, make_key
from tests.real_parts.postgres import cluster_in, folder_for_others
from tests.real_parts.servers import Server, serving
from tests.system.installation import ROOT

KIND: Final = "streetlight"
LIMIT_MS: Final = 200.0
STREETS: Final = ("Fauthweg", "Marktstraße", "Eisenbahnstraße", "Am Rittersberg", "Pariser Straße")
ASKED: Final = (
    ("search: one device", "/devices?q={town}-04321"),
    ("search: a street", "/devices?q=rittersberg"),
    ("search: nothing found", "/devices?q=nowhere"),
    ("search: by controller", "/devices?q=c-{town}-0432"),
    ("a group", "/devices?group={town}-east"),
    ("status: offline", "/devices?status=offline"),
    ("status: unknown", "/devices?status=unknown"),
    ("first page", "/devices?limit=100"),
    ("newest values of the town", "/telemetry/latest?kind=streetlight"),
    ("open alarms", "/alarms?open=true"),
    ("towns with counts", "/tenants"),
)


def fill(registry: SqlRegistry, town: str, devices: int, now_us: int) -> None:
    """Register lamps of a town, their newest values, a group; some are offline, some never spoke."""
    chance = random.Random(town)
    names = [f"{town}-{n:05d}" for n in range(devices)]
    assets = [
        Asset(name, town, KIND, f"{STREETS[n % len(STREETS)]} {n // len(STREETS)}", now_us, 49.4, 7.7)
        for n, name in enumerate(names)
    ]
    rows = [
        LatestValue(name, KIND, town, channel, "", now_us, now_us, said)
        for n, name in enumerate(names)
        if n % 100
        for channel, said in (
            ("telemetry", values(chance)),
            ("status", {"state": "online" if n % 20 else "offline"}),
        )
    ]
    with registry.write() as tx:
        add_town(tx, town, town, now_us)
        tx.get(AssetRepository).add_many(
            assets, [DeviceBinding(name, f"c-{name}", town, KIND, now_us) for name in names]
        )
        tx.get(GroupRepository).put(AssetGroup(f"{town}-east", town, KIND, "East", tuple(names[::50]), 0))
        tx.get(LatestValues).put(rows)


@contextmanager
def api(folder: Path, url: str) -> Iterator[tuple[int, Server]]:
    """The API of a registry as a process of its own; its port."""
    port = ports.claim_port()
    (folder / "lautern.toml").write_text(f'[registry]\nurl = "{url}"\n[http]\nport = {port}\n')
    command: list[str | Path] = [
        "env",
        f"PYTHONPATH={ROOT}",
        sys.executable,
        "-m",
        "runtime.api_role",
        "--data-dir",
        folder,
    ]

    def ready() -> bool:
        try:
            return _get(HTTPConnection("127.0.0.1", port, timeout=5), "/healthz", "")[0] == 200
        except OSError:
            return False

    with serving(Server("api", command, folder=folder, ready=ready)) as server:
        yield port, server


def _get(connection: HTTPConnection, path: str, key: str) -> tuple[int, int]:
    """Status and length of the answer."""
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    return answer.status, len(answer.read())


def measure(port: int, pid: int, keys: dict[str, str], times: int) -> Iterator[tuple[str, list[float], float, int]]:
    """Ask each question so many times, of the towns in turn: how long each took and what it cost, in ms; bytes."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for what, path in ASKED:
        took, size, spent = [], 0, cost.cpu_s(pid)
        for n in range(times):
            town = list(keys)[n % len(keys)]
            began = time.perf_counter()
            status, size = _get(connection, "/api/v1" + path.format(town=town), keys[town])
            took.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise RuntimeError(f"{path}: {status}")
        yield what, sorted(took), (cost.cpu_s(pid) - spent) / times * 1000, size
    connection.close()


def run(folder: Path, url: str, options: argparse.Namespace, analyse: Callable[[], None]) -> Table:
    """Fill a registry, ask, and return what it took."""
    folder.mkdir()
    began, now_us = time.perf_counter(), time.time_ns() // 1000
    (folder / "lautern.toml").write_text("")
    registry = open_registry(url, checkpoints=True, signer=audit_signer_of(settings.load_settings(folder)))
    try:
        towns = [f"town{n:02d}" for n in range(options.towns)]
        for town in towns:
            fill(registry, town, options.devices, now_us)
        keys = {town: make_key(registry, town, ["*"], town) for town in towns[::5]}
    finally:
        registry.close()
    analyse()
    title = f"{url.partition(':')[0]}: {options.towns * options.devices} devices, filled in"
    table = Table(title=f"{title} {time.perf_counter() - began:.0f} s")
    for heading in ("asked by one town", "p50 ms", "p95 ms", "max ms", "CPU ms", "kB"):
        table.add_column(heading, justify="left" if heading.startswith("asked") else "right")
    with api(folder, url) as (port, server):
        for what, took, spent, size in measure(port, server.pid, keys, options.repeat):
            p95 = took[int(0.95 * (len(took) - 1))]
            mark = "" if p95 <= LIMIT_MS else " !"
            table.add_row(
                what, f"{median(took):.0f}", f"{p95:.0f}{mark}", f"{took[-1]:.0f}", f"{spent:.0f}", f"{size / 1000:.0f}"
            )
        table.caption = f"api process {cost.pss_mb(server.pid):.0f} MB"
    return table


def main() -> int:
    """Measure and print a table for each registry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--towns", type=int, default=30)
    parser.add_argument("--devices", type=int, default=5_000, help="of each town")
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="lautern-towns-") as temporary:
        place = Path(temporary)
        if options.only != "postgresql":
            url = f"sqlite:///{place / 'registry.db'}"
            console.print(run(place / "sqlite", url, options, lambda: None))
        if options.only != "sqlite":
            with folder_for_others() as folder, cluster_in(folder) as cluster:
                name = f"b{secrets.token_hex(4)}"
                with cluster.connect() as connection:
                    connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))

                def analyse() -> None:
                    with cluster.connect(name) as database:
                        database.execute("VACUUM ANALYZE")

                console.print(run(place / "postgresql", cluster.url(name), options, analyse))
    return 0


if __name__ == "__main__":
    sys.exit(main())
