"""A backup of a running installation, restored into an empty one: what was acknowledged before it is there, once."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.faults.account import stored
from tests.faults.publishing import Fleet, Message, publishing
from tests.real_parts import influxdb
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.postgres import PostgresCluster
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Installation, Rest, running
from tests.system.lamps import Lamps
from tests.system.speaking import Speaker

RATE = 300
pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("mosquitto_pub_program")]


def lautern(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a user does."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LAUTERN_")}
    return subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass
class Parts:
    """What an installation is made of, and what its successor is."""

    broker: Broker
    influx: InfluxServer | None
    new_influx: InfluxServer | None
    old_registry: str
    new_registry: str
    prefix: str


@pytest.fixture(params=["mosquitto-sqlite-sqlite", "nats-influxdb-postgresql"])
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parts]:
    broker, store, registry = request.param.split("-")
    server = request.getfixturevalue(broker)
    with ExitStack() as stack:
        old = new = ""
        if registry == "postgresql":
            cluster = request.getfixturevalue("postgres")
            old, new = stack.enter_context(database(cluster)), stack.enter_context(database(cluster))
        if store == "sqlite":
            yield Parts(server, None, None, old, new, "lautern")
            return
        (tmp_path / "influxd").mkdir()
        another = stack.enter_context(influxdb.running(tmp_path / "influxd"))
        prefix = request.getfixturevalue("bucket_prefix")
        yield Parts(server, request.getfixturevalue("influxdb"), another, old, new, prefix)


@contextmanager
def database(cluster: PostgresCluster) -> Iterator[str]:
    """A new, empty database."""
    name = f"t{secrets.token_hex(6)}"
    with cluster.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield cluster.url(name)
    with cluster.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def lived_in(town: Installation, fleet: Fleet) -> tuple[str, str]:
    """Things to find again: a lamp that obeyed, a configuration changed three times, an alarm, a dead letter."""
    obedient, loud = f"{fleet.tenant_id}-o", f"{fleet.tenant_id}-l"
    town.register("kl", [obedient, loud])
    with Lamps(town.broker, [obedient]):
        dim = {"name": "dim", "arguments": {"level_pct": 30}, "duration_s": 3600, "reason": "test"}
        town.rest.post(f"/devices/{obedient}/commands?wait=applied&timeout=20", dim)
    for version in range(3):
        put_config(town.rest, obedient, version, 30 + version)
    speaker = Speaker(town.broker, loud)
    speaker.say("status", {"v": 1, "state": "offline"})
    speaker.say("telemetry", b"{broken")
    wait_until(lambda: town.rest.items("/alarms", device_id=loud), what="the alarm")
    wait_until(lambda: town.rest.letters(loud), what="the dead letter")
    wait_until(lambda: town.rest.get(f"/devices/{obedient}/config")["published_version"] == 3, what="the configuration")
    return obedient, loud


def put_config(rest: Rest, asset_id: str, expected: int, interval_s: int) -> int:
    """Change a configuration that has this version; returns its new one."""
    body = {"reporting_interval_s": interval_s}
    status, answer = rest.call("PUT", f"/devices/{asset_id}/config", body, if_match=f'"{expected}"')
    assert status == 200, answer
    return int(answer["version"])


def seen(rest: Rest, obedient: str, loud: str) -> dict[str, Any]:
    """What people see of all this; alarms, which go on, by what cannot change."""
    config = rest.get(f"/devices/{obedient}/config")
    commands = rest.items("/commands", device_id=obedient)
    assert [c["delivery"] for c in commands] == ["applied"]
    return {
        "devices": sorted(x["id"] for x in rest.items("/devices", limit=500)),
        "commands": commands,
        "config": (config["version"], config["config"], config["changed_at"], config["applied_version"]),
        "letters": rest.items("/dead-letters", device_id=loud),
        "alarms": [(x["id"], x["name"], x["since"]) for x in rest.items("/alarms", device_id=loud)],
    }


def test_what_was_acknowledged_before_the_backup_is_there_after_it(parts: Parts, tmp_path: Path) -> None:
    archive, folder = tmp_path / "backup.tar.gz", tmp_path / "new"
    with running(tmp_path / "old", parts.broker, parts.influx, parts.prefix, registry_url=parts.old_registry) as town:
        with publishing(town, RATE) as fleet:
            found_again = lived_in(town, fleet)
            before = seen(town.rest, *found_again)
            acknowledged = {name: list(sent) for name, sent in fleet.sent.items()}
            wait_until(
                lambda: town.rest.ledger("streetlight")["received"] >= sum(map(len, acknowledged.values())),
                timeout_s=30,
            )
            done = lautern("backup", "--data-dir", town.folder, "--to", archive)
            assert done.returncode == 0, done.stderr
            assert town.gateway.running()
            number, until = fleet.number, time.monotonic() + 1
            wait_until(lambda: time.monotonic() > until)
            assert fleet.number > number
        key = town.rest.key
        town.gateway.kill()
        sessions = [path.read_text() for path in town.folder.glob("mqtt-session-*")]
    environment = {}
    if parts.new_influx is not None:
        environment = {"LAUTERN_STORE__URL": parts.new_influx.url, "LAUTERN_STORE__TOKEN": parts.new_influx.token}
    environment["LAUTERN_REGISTRY__URL"] = parts.new_registry or f"sqlite:///{folder / 'registry.db'}"
    done = lautern("restore", archive, "--data-dir", folder, "--trust-settings", **environment)
    assert done.returncode == 0, done.stderr
    assert [path.read_text() for path in folder.glob("mqtt-session-*")] == sessions
    with running(
        folder, parts.broker, parts.new_influx, parts.prefix, registry_url=parts.new_registry, key=key
    ) as town:
        assert_there(town, fleet, acknowledged)
        assert seen(town.rest, *found_again) == before
        wait_until(
            lambda: town.rest.get(f"/devices/{found_again[0]}/config")["published_version"] == 3,
            what="the configuration of this version is published again",
        )
        assert put_config(town.rest, found_again[0], 3, 50) == 4
        assert_still_on_record(town.rest, folder)


def assert_still_on_record(rest: Rest, folder: Path) -> None:
    """The chain goes on where the backup was made, sealed with the restored key and met by the restored anchors."""
    actions = [entry["action"] for entry in rest.items("/audit")]
    assert actions == ["device.configure"] * 4 + ["command.issue", "api_key.create"]
    assert rest.get("/audit/verify")["ok"] is True
    done = lautern("audit", "verify", "--data-dir", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 entries" in done.stdout
    assert "anchors agree" in done.stdout


def assert_there(town: Installation, fleet: Fleet, acknowledged: Mapping[str, list[Message]]) -> None:
    """Each message acknowledged before is stored once and counted; what came while the backup ran is no harm."""
    line = town.wait_ledger("streetlight", sum(map(len, acknowledged.values())))
    total = 0
    for name, sent in fleet.sent.items():
        there = [(row["ts"], row["values"]["power_w"]) for row in stored(town, name, sent)]
        total += len(there)
        assert there == [(message.ts, message.power_w) for message in sent[: len(there)]], name
        assert len(there) >= len(acknowledged[name]) > 0
    samples = town.rest.ledger("streetlight", "samples")
    assert (line["duplicate"], line["conflict"], samples["duplicate"]) == (0, 0, 0)
    assert all(x["balanced"] for x in town.rest.items("/ledger"))
    assert town.rest.items("/ledger/gaps") == []
    if town.influx is None:
        assert total == samples["stored"]
    else:
        assert total >= samples["stored"]
