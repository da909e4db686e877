"""What `lautern doctor` and `lautern init` say of an InfluxDB."""

import pytest

from devices.errors import StoreForbidden
from runtime import influxdb_check
from tests.real_parts.influxdb import InfluxServer


def test_a_token_that_reads_and_writes_is_good(influxdb: InfluxServer, bucket_prefix: str) -> None:
    influxdb.create_bucket(f"{bucket_prefix}raw")
    for token in (influxdb.token, influxdb.create_token("read", "write").text):
        assert influxdb_check.check_influxdb(influxdb.url, influxdb.org, token, bucket_prefix) == [
            f"{bucket_prefix}raw"
        ]


def test_a_token_that_may_only_read_is_named(influxdb: InfluxServer, bucket_prefix: str) -> None:
    influxdb.create_bucket(f"{bucket_prefix}raw")
    with pytest.raises(StoreForbidden):
        influxdb_check.check_influxdb(influxdb.url, influxdb.org, influxdb.create_token("read").text, bucket_prefix)
