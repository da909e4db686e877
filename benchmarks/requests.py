"""The API at a steady rate while telemetry comes in, and while somebody guesses keys and passwords."""

import argparse
import asyncio
import collections
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from httpx2 import AsyncClient, Limits
from rich.console import Console
from rich.table import Table

from api.passwords import hash_password
from application.access.roles import RoleGrant
from application.ports.users import User, UserRepository
from benchmarks.parts import cost, gateway, steady
from benchmarks.parts.load import name
from devices.time_us import rfc3339
from storage.registry.engine import open_registry
from tests.real_parts import mosquitto
from tests.system.installation import Installation

HOUR_US = 3_600_000_000
USER, PASSWORD = "operator", "a long enough password"
Counts = collections.Counter[int]


def paths(devices: int) -> Iterator[str]:
    """What an operator's pages ask for, in turn."""
    since = rfc3339(time.time_ns() // 1000 - HOUR_US)
    asked = ["/devices?limit=100", "/alarms?open=true", "/me", "/telemetry/latest?kind=streetlight", "/groups"]
    for device in range(0, devices, max(1, devices // 20)):
        asked += [f"/devices/{name(device)}", f"/devices/{name(device)}/latest"]
        asked += [f"/devices/{name(device)}/telemetry?from={since}&bucket=5m"]
    return itertools.cycle(asked)


async def steadily(web: AsyncClient, asked: Iterator[str], rate: float, seconds: float) -> list[float]:
    """Ask at a rate, whether answers came or not; seconds each took, counted from when it was due."""
    loop = asyncio.get_running_loop()
    began, took = loop.time(), []

    async def ask(due: float) -> None:
        answer = await web.get(f"/api/v1{next(asked)}")
        answer.raise_for_status()
        took.append(loop.time() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(round(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(ask(due))
    return took


async def guess(address: str, many: int, at_once: int) -> Counts:
    """Guess a key and a password in turn; how often which status came."""
    found: Counts = collections.Counter()
    room = asyncio.Semaphore(at_once)
    limits = Limits(max_connections=at_once)
    async with AsyncClient(base_url=address, headers={"Origin": address}, timeout=60, limits=limits) as web:

        async def once(number: int) -> None:
            async with room:
                if number % 2:
                    key = {"Authorization": f"Bearer lk0000000000.{number:043d}"}
                    answer = await web.get("/api/v1/me", headers=key)
                else:
                    body = {"name": USER, "password": f"guess number {number}"}
                    answer = await web.post("/api/v1/login", json=body)
                found[answer.status_code] += 1

        async with asyncio.TaskGroup() as group:
            for number in range(many):
                group.create_task(once(number))
    return found


@contextmanager
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """A process of its own that has loaded all it needs, so that who guesses shares but the API with the others."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(_guessed, "", 0).result()
        yield pool


def _guessed(address: str, many: int) -> Counts:
    return asyncio.run(guess(address, many, 100))


async def measure(installation: Installation, options: argparse.Namespace, table: Table) -> Counts:
    """Ask in quiet, under telemetry, and under telemetry and guesses; fills the table."""
    rest = installation.rest
    asked, first_us = paths(options.devices), time.time_ns() // 1000 - 400_000_000
    seconds, rate = options.seconds, options.rate
    load = steady.Load(installation.broker.port, options.messages, 3 * seconds, options.devices, first_us)
    async with AsyncClient(base_url=rest.address, headers={"Authorization": f"Bearer {rest.key}"}, timeout=60) as web:
        await steadily(web, asked, 10, 2)
        _row(table, "quiet", await steadily(web, asked, rate, seconds), installation)
        load.start()
        await asyncio.sleep(3)
        _row(table, f"{options.messages:.0f} messages/s", await steadily(web, asked, rate, seconds), installation)
        with elsewhere() as pool:
            guessing = asyncio.wrap_future(pool.submit(_guessed, rest.address, options.guesses))
            _row(table, f"and {options.guesses} guesses", await steadily(web, asked, rate, seconds), installation)
            return await guessing


def _row(table: Table, what: str, took: list[float], installation: Installation) -> None:
    ordered = sorted(took)
    figures = (f"{1000 * ordered[int(q * (len(ordered) - 1))]:.0f}" for q in (0.5, 0.95, 0.99, 1))
    table.add_row(what, str(len(took)), *figures, f"{cost.pss_mb(installation.api.pid):.0f}")


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=50, help="requests a second")
    parser.add_argument("--messages", type=float, default=1000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--guesses", type=int, default=10_000)
    options = parser.parse_args()
    table = Table(title=f"{options.rate:.0f} requests/s, SQLite, mosquitto")
    for column in ("while", "requests", "p50 ms", "p95 ms", "p99 ms", "max ms", "api MB"):
        table.add_column(column)
    with tempfile.TemporaryDirectory() as folder, mosquitto.running(Path(folder), autosave=False) as broker:
        installation = Installation(Path(folder) / "data", broker)
        gateway.register(installation.folder, options.devices)
        registry = open_registry(installation.registry_url, migrate=False)
        with registry.write() as tx:
            user = User(USER, USER, 0, (RoleGrant("admin"),), password_hash=hash_password(PASSWORD, "other"))
            tx.get(UserRepository).add(user)
        registry.close()
        try:
            installation.start()
            counts = asyncio.run(measure(installation, options, table))
        finally:
            installation.stop()
    Console().print(table)
    Console().print(f"guesses answered: {dict(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
