"""Tokens for gateway and API: enough for what each does, and for nothing else."""

from pathlib import Path

import pytest

from devices.errors import StoreForbidden, StoreUnavailable
from runtime import influxdb_check
from runtime.store_tokens import store_tokens
from storage.telemetry.influx_export import InfluxExport
from storage.telemetry.influx_import import InfluxImport
from tests.real_parts.influxdb import InfluxServer


@pytest.fixture
def tokens(influxdb: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Of the gateway and of the API."""
    monkeypatch.setenv("LAUTERN_STORE__KIND", "influxdb")
    monkeypatch.setenv("LAUTERN_STORE__URL", influxdb.url)
    monkeypatch.setenv("LAUTERN_STORE__ORG", influxdb.org)
    monkeypatch.setenv("LAUTERN_STORE__TOKEN", influxdb.token)
    files = tmp_path / "gateway.token", tmp_path / "api.token"
    store_tokens(*files, data_dir=tmp_path)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    made = [file.read_text().strip() for file in files]
    store_tokens(*files, data_dir=tmp_path)
    assert [file.read_text().strip() for file in files] == made, "tokens that work are kept"
    files[0].write_text("wrong")
    store_tokens(*files, data_dir=tmp_path)
    assert files[0].read_text().strip() != "wrong"
    return files[0].read_text().strip(), made[1]


def test_each_may_do_its_work_and_no_more(influxdb: InfluxServer, bucket_prefix: str, tokens: tuple[str, str]) -> None:
    gateway, api = tokens
    bucket = f"{bucket_prefix}_streetlight"
    making = InfluxImport(url=influxdb.url, org=influxdb.org, token=gateway)
    making.make(bucket, 3600)
    making.close()
    assert bucket in influxdb.buckets(bucket_prefix)
    assert influxdb_check.check_influxdb(influxdb.url, influxdb.org, gateway, bucket_prefix)
    reading = InfluxExport(url=influxdb.url, org=influxdb.org, token=api)
    assert reading.count(bucket, 0, 1) == 0
    reading.close()
    with pytest.raises(StoreForbidden):
        influxdb_check.check_influxdb(influxdb.url, influxdb.org, api, bucket_prefix)
    for token in tokens:
        assert not influxdb_check.ask_influxdb(f"{influxdb.url}/api/v2/authorizations", token).get("authorizations")
        with pytest.raises(StoreUnavailable):
            influxdb_check.ask_influxdb(
                f"{influxdb.url}/api/v2/authorizations", token, {"orgID": "x", "permissions": []}
            )
