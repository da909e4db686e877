"""The gateway under test, as its own process on given servers, with the load's devices registered."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from benchmarks.parts.load import name
from storage.registry.engine import open_registry
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.ports import claim_port


def write_settings(folder: Path, broker: Broker, influx: InfluxServer | None) -> None:
    """Settings for an external broker and, given one, InfluxDB; else the embedded store."""
    lines = ["[broker]", 'mode = "external"', f'url = "mqtt://{broker.host}:{broker.port}"']
    lines += [f'username = "{broker.gateway.user}"', f'password = "{broker.gateway.password}"']
    lines += ["[gateway]", f"metrics_port = {claim_port()}"]
    if influx is not None:
        lines += ["[store]", 'kind = "influxdb"', f'url = "{influx.url}"', f'org = "{influx.org}"']
        lines += [f'token = "{influx.token}"', 'bucket_prefix = "bench"']
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lautern.toml").write_text("\n".join(lines) + "\n")


def register(folder: Path, devices: int) -> None:
    """Register the load's devices."""
    registry = open_registry(f"sqlite:///{folder / 'registry.db'}", migrate=True)
    now_us = time.time_ns() // 1000
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        for device in range(devices):
            inventory.add(Asset(name(device), "bench", "streetlight", name(device), now_us, lat=49.44, lon=7.77))
            inventory.bind(DeviceBinding(name(device), name(device), "bench", "streetlight", 0))
    registry.close()


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the gateway until the block ends; returns when it is connected."""
    log = folder / "gateway.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime.gateway_role", "--data-dir", folder], stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 30
        while log.read_text().count("mqtt_ready") < 2 or "gateway_started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()[-3000:])
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(15)
