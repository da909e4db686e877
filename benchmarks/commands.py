"""Dim over REST until the lamps have applied it: one, a group of ten, a group of a thousand that loses messages."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.real_parts import influxdb, mosquitto
from tests.system.installation import Installation, running
from tests.system.lamps import Lamps

MANY: Final = 1000
NAMES: Final = [f"fw-{n:04}" for n in range(MANY)]
DIM: Final = {"name": "dim", "arguments": {"level_pct": 30}}
LOSS: Final = 0.05
LONGEST_S: Final = 90.0


def measure(table: Table, town: Installation, store: str, repeat: int) -> None:
    """Add the three rows for the store as it is now."""
    broker = town.broker
    with Lamps(broker, NAMES[:1]):
        _row(table, store, "one lamp", [_one_s(town) for _ in range(repeat)])
    with Lamps(broker, NAMES[:10]):
        _row(table, store, "group of 10", [_group_s(town, "ten")[0] for _ in range(max(2, repeat // 3))])
    with Lamps(broker, NAMES, loss=LOSS):
        took_s, counts = _group_s(town, "all")
    said = ", ".join(f"{number} {delivery}" for delivery, number in sorted(counts.items()) if number)
    table.add_row(store, f"group of {MANY:,}, {LOSS:.0%} loss", "", "", f"{took_s:.2f}", said)


def _one_s(town: Installation) -> float:
    began = time.monotonic()
    status, answer = town.rest.call("POST", f"/devices/{NAMES[0]}/commands?wait=applied&timeout=30", DIM)
    if status != 200 or answer["delivery"] != "applied":
        raise RuntimeError(f"{status}: {answer}")
    return time.monotonic() - began


def _group_s(town: Installation, group: str) -> tuple[float, dict[str, int]]:
    """Seconds until every member's command is in a final state, and how many are in which."""
    began = time.monotonic()
    answer: dict[str, Any] = town.rest.post(f"/groups/{group}/commands?wait=applied&timeout=30", DIM)
    while not answer["final"]:
        if time.monotonic() - began > LONGEST_S:
            raise RuntimeError(f"not final: {answer['counts']}")
        time.sleep(0.1)
        answer = town.rest.get(f"/group-commands/{answer['id']}")
    return time.monotonic() - began, answer["counts"]


def _row(table: Table, store: str, what: str, took_s: list[float]) -> None:
    ordered = sorted(took_s)
    p95_s = ordered[round(0.95 * (len(ordered) - 1))]
    table.add_row(store, what, f"{median(ordered):.3f}", f"{p95_s:.3f}", f"{ordered[-1]:.3f}", "all applied")


def main() -> int:
    """Measure with InfluxDB running, then stopped, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=60, help="commands to one lamp; a third as many to the group")
    options = parser.parse_args()
    table = Table(title="dim over REST until applied, mosquitto, simulated lamps")
    for column in ("InfluxDB", "what", "p50 s", "p95 s", "max s", "outcome"):
        table.add_column(column)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("influxdb", "mosquitto"):
            (folder / part).mkdir()
        with (
            influxdb.running(folder / "influxdb") as influx,
            mosquitto.running(folder / "mosquitto", autosave=False) as broker,
            running(folder / "data", broker, influx) as town,
        ):
            town.register("kl", NAMES)
            for group, members in (("ten", NAMES[:10]), ("all", NAMES)):
                body = {"id": group, "tenant_id": "kl", "kind": "streetlight", "name": group, "members": members}
                town.rest.post("/groups", body)
            measure(table, town, "running", options.repeat)
            influx.server.stop()
            measure(table, town, "stopped", options.repeat)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
