"""What InfluxDB, or the way to it, may do to a write: each sample is stored once, or is a dead letter, none is lost."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from storage.telemetry.influx_http import InfluxHttp
from tests.faults.account import assert_each_stored_once, settle
from tests.faults.conftest import Report
from tests.faults.proxy import Mode, Proxy, between
from tests.faults.publishing import publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running
from tests.system.speaking import now_us

RATE = 300
FAULT_S = 2
FAULTS = {
    "500": Mode(answer=500, body=b'{"code":"internal error","message":"asked for"}'),
    "503, Retry-After 3600": Mode(answer=503, headers={"Retry-After": "3600"}),
    "503, Retry-After soon": Mode(answer=503, headers={"Retry-After": "soon"}),
    "429": Mode(answer=429, headers={"Retry-After": "30"}),
    "200 of somebody else": Mode(answer=200, body=b"<html>Please sign in</html>"),
    "refused connections": Mode(refuse=True),
    "reset in mid-body": Mode(reset_after_bytes=9000),
    "answer lost after it was stored": Mode(lose_reply=True),
    "slow": Mode(delay_s=0.3),
    "silent": Mode(silent=True),
}
pytestmark = pytest.mark.timeout(200)


@contextmanager
def behind_proxy(folder: Path, broker: Broker, influx: InfluxServer) -> Iterator[tuple[Installation, Proxy]]:
    """An installation whose way to InfluxDB leads through a proxy."""
    port = int(influx.url.rpartition(":")[2])
    with between("127.0.0.1", port) as proxy:
        through = replace(influx, url=f"http://127.0.0.1:{proxy.port}")
        with running(folder, broker, through, f"t{secrets.token_hex(6)}") as town:
            yield town, proxy


def test_whatever_the_store_answers_each_sample_is_stored_once(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path, report: Report
) -> None:
    healed_s = {}
    with behind_proxy(tmp_path, mosquitto, influxdb) as (town, proxy):
        with publishing(town, RATE) as fleet:
            for name, mode in FAULTS.items():
                proxy.become(mode, cut=True)
                proxy.wait_interfered()
                time.sleep(FAULT_S)
                proxy.become(Mode(), cut=True)
                began = time.monotonic()
                wait_until(lambda: _waiting(town) < 2 * RATE, timeout_s=60, what=f"drained after: {name}")
                healed_s[name] = round(time.monotonic() - began, 1)
        account = assert_each_stored_once(town, fleet)
    report("F08", "answers: " + ", ".join(FAULTS), "mosquitto-influxdb", account, caught_up_s=healed_s)


def test_revoked_token_stops_and_keeps(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path, report: Report
) -> None:
    prefix = f"t{secrets.token_hex(6)}"
    token = influxdb.create_token("read", "write")
    with running(tmp_path, mosquitto, replace(influxdb, token=token.text), prefix) as town:
        with publishing(town, RATE) as fleet:
            town.wait_ledger("streetlight", RATE)
            influxdb.set_active(token, active=False)
            began = time.monotonic()
            wait_until(lambda: not town.ready(), timeout_s=60, what="not ready without a token")
            noticed_s = time.monotonic() - began
            wait_until(lambda: _waiting(town) > 5 * RATE, timeout_s=60, what="samples wait")
            assert town.rest.ledger("streetlight")["dead_letter"] == 0
            influxdb.set_active(token, active=True)
            began = time.monotonic()
            wait_until(town.ready, timeout_s=60, what="ready again")
            ready_s = time.monotonic() - began
        account = assert_each_stored_once(town, fleet)
    report("F09", "token revoked, and given back", "mosquitto-influxdb", account,
           noticed_s=round(noticed_s, 1), ready_again_s=round(ready_s, 1))  # fmt: skip


def test_lines_that_the_store_never_takes_are_dead_letters_and_no_other(
    mosquitto: Broker, influxdb: InfluxServer, tmp_path: Path, report: Report
) -> None:
    """A foreign writer has given a field another type; each tenth message of a lamp names that field."""
    prefix = f"t{secrets.token_hex(6)}"
    with running(tmp_path, mosquitto, influxdb, prefix) as town:
        wait_until(lambda: influxdb.buckets(f"{prefix}_streetlight"), timeout_s=20, what="the bucket")
        _write(influxdb, f"{prefix}_streetlight", f'telemetry,asset=other voltage_v="text" {now_us()}')
        with publishing(town, RATE, voltage_every=10) as fleet, influxdb.server.paused():
            wait_until(lambda: fleet.number > 5 * RATE, timeout_s=30, what="a backlog in large requests")
        account = settle(town, fleet)
        refused = sum(len(sent[::10]) for sent in fleet.sent.values())
        samples = town.rest.ledger("streetlight", "samples")
    report("F10", "lines refused for ever (422) among good ones", "mosquitto-influxdb", account, refused=refused)
    assert (account.stored, samples["dead_letter"]) == (fleet.number - refused, refused)
    assert (account.invented, account.doubled) == (0, 0)


def _write(influx: InfluxServer, bucket: str, line: str) -> None:
    http = InfluxHttp(url=influx.url, org=influx.org, token=influx.token)
    http.write(bucket, [line])
    http.close()


def _waiting(town: Installation) -> int:
    return int(town.rest.ledger("streetlight")["in_journal"])
