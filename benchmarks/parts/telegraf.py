"""Telegraf as a peer on the same servers: as it comes, and tuned to lose as little as it can."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer

TUNED_AGENT: Final = (
    'interval = "1s"\n  flush_interval = "1s"\n  metric_batch_size = 5000\n  metric_buffer_limit = 400000'
)
TUNED_INPUT: Final = (
    'qos = 1\n  client_id = "telegraf-bench"\n  persistent_session = true\n  max_undelivered_messages = 20000'
)
CONFIGURATION: Final = """
[agent]
  omit_hostname = true
  {agent}
[[inputs.mqtt_consumer]]
  servers = ["tcp://{host}:{port}"]
  topics = ["city/v1/+/+/+/telemetry"]
  {input}
  topic_tag = ""
  data_format = "json"
  json_name_key = ""
  tag_keys = ["device_id"]
  json_time_key = "ts"
  json_time_format = "2006-01-02T15:04:05.999999Z07:00"
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "{token}"
  organization = "{org}"
  bucket = "telegraf"
"""


@contextmanager
def running(
    program: Path, folder: Path, broker: Broker, influx: InfluxServer, *, tuned: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Telegraf until the block ends; untuned it has QoS 0, no session, and room for 10,000 metrics."""
    config = folder / "telegraf.conf"
    config.write_text(
        CONFIGURATION.format(
            agent=TUNED_AGENT if tuned else "", input=TUNED_INPUT if tuned else "", host=broker.host, port=broker.port,
            url=influx.url, token=influx.token, org=influx.org,
        )
    )  # fmt: skip
    log = folder / f"telegraf-{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "--config", config], stdout=out, stderr=out)
    try:
        while "Connected" not in log.read_text():
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(15)
