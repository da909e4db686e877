"""What `lautern doctor` and `lautern init` say of an InfluxDB."""

import pytest

from devices.errors import ConfigurationError
from runtime import influxdb_check
from tests.real_parts.influxdb import InfluxServer


def _token(influxdb: InfluxServer, *actions: str) -> str:
    org_id = influxdb.call("GET", f"/api/v2/orgs?org={influxdb.org}")["orgs"][0]["id"]
    may = [{"action": action, "resource": {"type": "buckets", "orgID": org_id}} for action in actions]
    see = {"action": "read", "resource": {"type": "orgs", "id": org_id}}
    asked = {"orgID": org_id, "permissions": [see, *may]}
    return str(influxdb.call("POST", "/api/v2/authorizations", asked)["token"])


def test_a_token_that_reads_and_writes_is_good(influxdb: InfluxServer, bucket_prefix: str) -> None:
    influxdb.create_bucket(f"{bucket_prefix}raw")
    for token in (influxdb.token, _token(influxdb, "read", "write")):
        assert influxdb_check.check(influxdb.url, influxdb.org, token, bucket_prefix) == [f"{bucket_prefix}raw"]


def test_a_token_that_may_only_read_is_named(influxdb: InfluxServer, bucket_prefix: str) -> None:
    influxdb.create_bucket(f"{bucket_prefix}raw")
    with pytest.raises(ConfigurationError, match="read and write"):
        influxdb_check.check(influxdb.url, influxdb.org, _token(influxdb, "read"), bucket_prefix)
