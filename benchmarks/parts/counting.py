"""How many of the load's samples the store answers with."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from influxdb_client.client.influxdb_client import InfluxDBClient

from tests.real_parts.influxdb import InfluxServer


def influx_counter(influx: InfluxServer, bucket: str, first_us: int) -> Callable[[], int]:
    """A function that counts the stored values of one field since `first_us`."""
    there: list[str] = []
    client = InfluxDBClient(influx.url, influx.token, org=influx.org, timeout=60_000)
    flux = (
        f'from(bucket: "{bucket}")'
        f" |> range(start: time(v: {first_us - 1000}000), stop: time(v: {first_us + 3_600_000_000}000))"
        ' |> filter(fn: (r) => r._field == "power_w") |> count() |> group() |> sum()'
    )

    def count() -> int:
        if not there:
            there.extend(name for name in influx.buckets(bucket) if name == bucket)
        if not there:
            return 0
        return sum(record["_value"] for table in client.query_api().query(flux) for record in table.records)

    return count


def sqlite_counter(data: Path, first_us: int) -> Callable[[], int]:
    """The same for the embedded store, read from its file."""
    connection = sqlite3.connect(f"file:{data / 'telemetry.db'}?mode=ro", uri=True, isolation_level=None)
    (name,) = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%ts_us%' AND sql LIKE '%received_us%'"
    ).fetchone()

    def count() -> int:
        query = f"SELECT count(*) FROM {name} WHERE ts_us >= ?"  # noqa: S608 - a table's own name
        return int(connection.execute(query, (first_us,)).fetchone()[0])

    return count
