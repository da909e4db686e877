"""F11 to F13, F23: full, slow and damaged disks, and files of an older version."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from runtime.exit_codes import UNREACHABLE
from tests.faults.account import assert_each_stored_once, settle_but_missing
from tests.faults.conftest import Report
from tests.faults.points import Points, faulty_build
from tests.faults.publishing import publishing
from tests.faults.test_broker_away import wait_for_more
from tests.real_parts import influxdb
from tests.real_parts.brokers import Broker
from tests.real_parts.postgres import cluster_in, folder_for_others
from tests.real_parts.small_disk import fill, require_small, small_disk
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, running

RATE = 400
UNTOLD = RATE // 2
"""Judged, or stored, in the very moment of the kill, and in no ledger yet: half a second's on a busy machine."""
INFLUX_MB = 900
"""It takes some 40 MB for the first sample of each bucket."""
POSTGRES_MB = 100
"""An empty cluster has 40 MB."""
pytestmark = pytest.mark.timeout(150)


def test_full_disk_stops_and_goes_on(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    """All databases are on it; somebody else fills it."""
    with small_disk(tmp_path / "disk", 160) as disk, running(disk / "town", mosquitto) as town:
        require_small(disk)
        with publishing(town, RATE, note="x" * 1000) as fleet:
            wait_for_more(town)
            filler = _filled(disk, town)
            number = fleet.number
            wait_until(lambda: fleet.number > number + 5 * RATE, timeout_s=30)
            assert town.gateway.running()
            filler.unlink()
            began = time.monotonic()
            wait_until(town.ready, timeout_s=60, what="ready again")
            ready_s = time.monotonic() - began
        account = assert_each_stored_once(town, fleet)
    report("F11", "disk of all databases full, then free again", "mosquitto-sqlite", account,
           ready_again_s=round(ready_s, 1))  # fmt: skip


def test_killed_while_the_disk_is_full(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    """Whoever starts it again and again, as the supervisor does, has it running when there is room."""
    with small_disk(tmp_path / "disk", 160) as disk, running(disk / "town", mosquitto) as town:
        require_small(disk)
        with publishing(town, RATE, note="x" * 1000) as fleet:
            wait_for_more(town)
            filler = _filled(disk, town)
            receiver = Path(f"/proc/{town.receiver_pid()}")
            town.gateway.kill()
            wait_until(lambda: not receiver.exists(), timeout_s=20, what="the receiver has closed its file")
            filler.unlink()
            filler = fill(disk)
            codes = [_started_and_ended(town) for _ in range(3)]
            assert set(codes) <= {UNREACHABLE, -signal.SIGKILL}, "it works on, or says that it cannot work yet"
            filler.unlink()
            town.start_gateway()
            began = time.monotonic()
            wait_until(town.ready, timeout_s=60, what="ready again")
            ready_s = round(time.monotonic() - began, 1)
        account = assert_each_stored_once(town, fleet)
        assert not list(town.folder.glob("*damaged*")), "a file without room is not damaged"
    report("F11", "killed and started again on a full disk, then room", "mosquitto-sqlite", account,
           could_not_work_yet=codes.count(UNREACHABLE), ready_again_s=ready_s)  # fmt: skip


@pytest.mark.usefixtures("influxd_program")
def test_full_disk_of_the_store_alone(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    with (
        small_disk(tmp_path / "disk", INFLUX_MB) as disk,
        influxdb.running(disk) as influx,
        running(tmp_path / "town", mosquitto, influx) as town,
    ):
        require_small(disk)
        with publishing(town, RATE) as fleet:
            filler = _filled(disk, town)
            fleet.wait_for_more(5 * RATE)
            filler.unlink()
            remedy = SENTENCES[SystemFault.STORE_NEEDS_RESTART].remedy.en
            wait_until(lambda: remedy in _summary(town), timeout_s=60, what="InfluxDB does not try again by itself")
            influx.server.restart()
            began = time.monotonic()
            wait_until(town.ready, timeout_s=60, what="ready again")
            ready_s = round(time.monotonic() - began, 1)
        account = assert_each_stored_once(town, fleet)
    report(
        "F11",
        "disk of InfluxDB full, then free again, InfluxDB restarted",
        "mosquitto-influxdb",
        account,
        ready_again_s=ready_s,
    )


@pytest.mark.usefixtures("initdb_program", "postgres_program")
def test_full_disk_of_postgresql_alone(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    with (
        folder_for_others() as folder,
        small_disk(folder, POSTGRES_MB) as disk,
        cluster_in(disk) as postgres,
        running(tmp_path / "town", mosquitto, registry_url=postgres.url("postgres")) as town,
    ):
        require_small(disk)
        with publishing(town, RATE) as fleet:
            wait_for_more(town)
            filler = fill(disk)
            cause = SENTENCES[SystemFault.REGISTRY_READ_ONLY].text()
            wait_until(lambda: _summary(town) == cause, timeout_s=60, what="named while PostgreSQL has no room")
            assert "No space left on device" in postgres.server.log.read_text(errors="replace")
            fleet.wait_for_more(5 * RATE)
            assert town.rest.ledger("streetlight")["received"] < fleet.number - 4 * RATE, "nothing is judged meanwhile"
            filler.unlink()
            began = time.monotonic()
            wait_until(town.ready, timeout_s=60, what="ready again, by itself")
            ready_s = round(time.monotonic() - began, 1)
        account = assert_each_stored_once(town, fleet)
    report("F11", "disk of PostgreSQL full, then free again", "mosquitto-sqlite-postgresql", account,
           ready_again_s=ready_s)  # fmt: skip


@pytest.mark.parametrize("damage", ["random bytes", "torn log", "deleted"])
@pytest.mark.parametrize("file", ["journal-telemetry.db", "identity.db"])
@pytest.mark.usefixtures("mosquitto_program")
def test_damaged_file_is_set_aside_and_the_gateway_starts(
    request: pytest.FixtureRequest, tmp_path: Path, chance: random.Random, damage: str, file: str
) -> None:
    with running(tmp_path, request.getfixturevalue("mosquitto")) as town:
        with publishing(town, RATE) as fleet:
            wait_for_more(town)
            receiver = Path(f"/proc/{town.receiver_pid()}")
            town.gateway.kill()
            wait_until(lambda: not receiver.exists(), timeout_s=20, what="the receiver has closed its file")
            _damage(town.folder / file, damage, chance)
            began = time.monotonic()
            town.start_gateway()
            started_s = round(time.monotonic() - began, 1)
            wait_for_more(town)
        account, told = settle_but_missing(town, fleet, untold=UNTOLD)
        told += town.rest.ledger("streetlight")["lost"]
    aside = len(list(town.folder.glob(f"{file}.damaged-*")))
    report: Report = request.getfixturevalue("report")
    report("F12", f"{file}: {damage}", "mosquitto-sqlite", account, told=told, set_aside=aside, started_s=started_s)
    assert started_s <= 10
    assert aside == 1 or damage != "random bytes"
    assert (account.invented, account.doubled) == (0, 0)
    # With the identities the numbers that had come are forgotten too: what was stored may be told as missing as well.
    assert account.lost <= told + UNTOLD, "what was only in the damaged file is told as missing or lost"
    assert account.lost + UNTOLD >= told or file == "identity.db", "what was stored just then may be told as lost"


def test_slow_disk_lowers_the_rate_and_nothing_else(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    with running(tmp_path, mosquitto, None, "lautern", faulty_build(tmp_path)) as town:
        with publishing(town, RATE) as fleet:
            wait_for_more(town)
            with Points(tmp_path).armed("journal.before_commit", "sleep", seconds=0.5):
                wait_for_more(town, 10 * RATE)
            assert Points(tmp_path).took_place("journal.before_commit") > 5
            assert not town.said("mqtt_disconnected")
        account = assert_each_stored_once(town, fleet)
    report("F13", "each commit of the journal takes 0.5 s longer", "mosquitto-sqlite", account)


def _filled(disk: Path, town: Installation) -> Path:
    """Leave no room, and wait until that shows; returns the file that takes it."""
    filler = fill(disk)
    wait_until(lambda: not town.ready(), timeout_s=60, what="not ready on a full disk")
    return filler


def _started_and_ended(town: Installation, within_s: float = 5) -> int:
    """Exit code of a gateway that gets so long to end by itself before it is killed."""
    town.start_gateway(wait=False)
    with suppress(AssertionError):
        wait_until(lambda: not town.gateway.running(), timeout_s=within_s)
    town.gateway.kill()
    return town.gateway.exit_code


def _summary(town: Installation) -> str:
    return str(town.rest.call("GET", "/readyz")[1]["summary"])


def _damage(path: Path, how: str, chance: random.Random) -> None:
    log = path.with_name(path.name + "-wal")
    if how == "random bytes":
        for one in filter(Path.exists, (path, log)):
            with one.open("r+b") as file:
                file.write(chance.randbytes(min(one.stat().st_size, 8192)))
    elif how == "deleted":
        for one in (path, log, path.with_name(path.name + "-shm")):
            one.unlink(missing_ok=True)
    elif log.exists():
        os.truncate(log, log.stat().st_size // 2)
