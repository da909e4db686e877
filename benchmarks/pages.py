"""The pages in Chromium: a town of 5,000 devices until usable, its frames while news comes in, a year of a lamp."""

import argparse
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

import api.kinds
from api.web.shell import PageShell, WebOptions, of_kinds
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.registry import Registry
from benchmarks.query import values
from devices.kind_catalog import discover_kinds
from devices.samples import TELEMETRY, Sample
from devices.time_us import DAY_US, MINUTE_US, rfc3339
from runtime import settings
from runtime.registry_access import registry_of
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.real_parts import finding, ports
from tests.real_parts.operator import make_key
from tests.real_parts.servers import Server

KIND: Final = "streetlight"
TENANT: Final = "kaiserslautern"
FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WATCH: Final = """
const seen = (selector, name) => new MutationObserver((_, watch) => {
  if (!document.querySelector(selector)) return;
  watch.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window[name] = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
seen(".list [role=option]", "listed"); seen(".uplot canvas", "charted");
window.frames_ms = []; let last;
const frame = (now) => { if (last) window.frames_ms.push(now - last); last = now; requestAnimationFrame(frame); };
requestAnimationFrame(frame);
"""


def fill(registry: Registry, folder: Path, lamps: int, days: int) -> None:
    """Register lamps over the city, each just heard; the first has a sample a minute for so many days, rolled up."""
    now_us, chance = time.time_ns() // 1000, random.Random(1)
    names = [f"lamp-{n:05d}" for n in range(lamps)]
    places = [(49.42 + 0.0005 * (n % 80), 7.74 + 0.0008 * (n // 80)) for n in range(lamps)]
    assets = [Asset(a, TENANT, KIND, f"Leuchte {a}", now_us, *place) for a, place in zip(names, places, strict=True)]
    rows = [LatestValue(a, KIND, TENANT, TELEMETRY, "", now_us, now_us, values(chance)) for a in names]
    rows += [LatestValue(a, KIND, TENANT, "status", "", now_us, now_us, {"state": "online"}) for a in names]
    with registry.write() as tx:
        tx.get(AssetRepository).add_many(assets, [DeviceBinding(a, a, TENANT, KIND, 0) for a in names])
        tx.get(LatestValues).put(rows)
    writer = SqliteTelemetryWriter(path=folder / "telemetry.db", catalog=discover_kinds())
    minutes = range(now_us - days * DAY_US, now_us, MINUTE_US)
    for at in range(0, len(minutes), 20_000):
        writer.write(
            [
                Sample(names[0], KIND, TENANT, TELEMETRY, "", ts, ts + 50_000, values(chance))
                for ts in minutes[at : at + 20_000]
            ]
        )
    while writer.roll_up(now_us):
        pass
    writer.close()


@contextmanager
def news(registry: Registry, lamps: int, rate: int) -> Iterator[None]:
    """Tell that so many lamps a second were heard, ten times a second, as the gateway does."""
    stop, chance = threading.Event(), random.Random(2)

    def tell() -> None:
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += 0.1
            now_us = time.time_ns() // 1000
            heard = [
                {"device_id": f"lamp-{chance.randrange(lamps):05d}", "ts": rfc3339(now_us), "values": values(chance)}
                for _ in range(rate // 10)
            ]
            with registry.write() as tx:
                tx.get(ChangeFeed).add([Change(0, now_us, TENANT, KIND, TELEMETRY, {"devices": heard})])

    teller = threading.Thread(target=tell, name="news")
    teller.start()
    try:
        yield
    finally:
        stop.set()
        teller.join()


def answers(port: int) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(page: Page, address: str, mark: str) -> float:
    """Open a page with an empty cache; ms from there until what is marked was painted."""
    page.goto(address)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found: float | None = page.evaluate(f"window.{mark} ?? null")
        if found is not None:
            return found
        time.sleep(0.02)
    raise TimeoutError(address)


def opened(browser: Browser, key: str) -> Page:
    """A window of its own, with nothing in its cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, extra_http_headers={"X-API-Key": key})
    context.add_init_script(WATCH)
    return context.new_page()


def several(browser: Browser, key: str, address: str, mark: str, times: int) -> list[float]:
    """Ms of each time."""
    took = []
    for _ in range(times):
        page = opened(browser, key)
        took.append(until(page, address, mark))
        page.context.close()
    return took


def frames(browser: Browser, key: str, address: str, seconds: float) -> list[float]:
    """Ms between frames of the city while news comes in."""
    page = opened(browser, key)
    until(page, address, "listed")
    page.evaluate("window.frames_ms = []")
    page.wait_for_timeout(seconds * 1000)
    found: list[float] = page.evaluate("window.frames_ms")
    age = page.locator("#live").inner_text()
    page.context.close()
    if "live" not in age:
        raise RuntimeError(f"the stream was not live: {age}")
    return found


def weight() -> int:
    """Bytes of all scripts and styles, compressed."""
    files = PageShell(of_kinds(api.kinds), WebOptions()).files
    return files.weight((".js", ".css"))


def measured(
    browser: Browser, registry: Registry, address: str, key: str, given: argparse.Namespace
) -> list[tuple[str, ...]]:
    """One row a figure: what, measured, wanted."""
    city = several(browser, key, f"{address}/city", "listed", given.times)
    year = several(browser, key, f"{address}/devices/lamp-00000?field=power_w&range=1y", "charted", given.times)
    with news(registry, given.lamps, given.rate):
        between = frames(browser, key, f"{address}/city", given.seconds)
    p95 = quantiles(between, n=20)[-1]
    return [
        (f"city of {given.lamps:,} devices, usable", f"{median(city):.0f} ms", "2,000 ms"),
        (f"a device with {given.days} days of data", f"{median(year):.0f} ms", "1,000 ms"),
        (
            f"frames at {given.rate} news/s, p95",
            f"{p95:.1f} ms (p50 {median(between):.1f}, most {max(between):.0f})",
            "50 ms",
        ),
        ("all scripts and styles, compressed", f"{weight() / 1000:.1f} kB", "150 kB"),
    ]


def served(
    registry: Registry, folder: Path, key: str, *, port: int, chromium: Path, given: argparse.Namespace
) -> list[tuple[str, ...]]:
    """Figures of an API that runs for as long as this takes."""
    command: list[str | Path] = [sys.executable, "-m", "runtime.api_role", "--data-dir", folder]
    server = Server("api", command, folder=folder, ready=lambda: answers(port))
    server.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            rows = measured(browser, registry, f"http://127.0.0.1:{port}", key, given)
            browser.close()
    finally:
        server.stop()
    return rows


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args(arguments)
    chromium = finding.find_tool("chromium")
    if chromium is None:
        sys.exit("chromium is missing: apt install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), ports.claim_port()
        (folder / "lautern.toml").write_text(f"[http]\nport = {port}\n")
        with registry_of(settings.load_settings(folder), migrate=True, recording=True) as registry:
            key = make_key(registry, "bench", ["*"])
            fill(registry, folder, given.lamps, given.days)
            rows = served(registry, folder, key, port=port, chromium=chromium, given=given)
    table = Table("figure", "measured", "wanted")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
