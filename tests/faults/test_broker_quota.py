"""F21: a login that says too much is kept out while there is no gateway to count it."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import nats
import pytest

from application.ports.quota_pauses import QuotaPause, QuotaPauses
from tests.faults.conftest import Report
from tests.faults.guarded_brokers import GuardedBroker, Speaker, guarded_nats
from tests.real_parts.brokers import Login
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT

BURST = 50
FULL_SPEED = 100_000
SECONDS = 8.0
KEPT_AT_MOST = 40_000
"""With nobody counting, 263,584 were kept of the same flood."""


def pauses(guarded: GuardedBroker) -> Sequence[QuotaPause]:
    with guarded.registry.read() as tx:
        return tx.get(QuotaPauses).since(0)


def say(speaker: Speaker, number: int) -> None:
    topic = f"city/v1/{speaker.login.user}/telemetry"
    for _ in range(number):
        speaker.client.publish(topic, b"{}", 1)


@contextmanager
def two(guarded: GuardedBroker) -> Iterator[tuple[Login, Login]]:
    """Logins that are good now."""
    first, second = guarded.issue("L1"), guarded.issue("L2")
    wait_until(lambda: guarded.admits(first) and guarded.admits(second), timeout_s=20, what="the logins known")
    yield first, second


def test_a_login_is_counted_in_all_its_connections_without_a_gateway(tmp_path: Path) -> None:
    with guarded_nats(tmp_path, LAUTERN_QUOTA__BURST_MESSAGES=str(BURST)) as guarded, two(guarded) as (lamp, other):
        names = (f"{lamp.user}/a", f"{lamp.user}/b")
        with (
            guarded.client(lamp, names[0]) as one,
            guarded.client(lamp, names[1]) as another,
            guarded.client(other, "L2") as quiet,
        ):
            for speaker in (one, another, quiet):
                speaker.ready()
                say(speaker, BURST)
            for speaker in (one, another):
                say(speaker, 3 * BURST)
            wait_until(lambda: one.cuts > 0 and another.cuts > 0, timeout_s=20, what="both cut")
            wait_until(lambda: bool(pauses(guarded)), timeout_s=20, what="the pause on record")
            assert [(pause.user, pause.times) for pause in pauses(guarded)] == [(lamp.user, 1)]
            assert quiet.cuts == 0


def test_who_comes_back_under_a_new_number_is_counted_on(tmp_path: Path) -> None:
    with guarded_nats(tmp_path, LAUTERN_QUOTA__BURST_MESSAGES=str(BURST)) as guarded, two(guarded) as (lamp, _):
        for number in range(20):
            with guarded.client(lamp, f"{lamp.user}/{number}") as speaker:
                wait_until(partial(bool, speaker.said), what="an answer to CONNECT")
                if speaker.said[0] != "Success":
                    break
                with suppress(RuntimeError):  # cut meanwhile
                    for _ in range(BURST // 2):
                        speaker.publish(f"city/v1/{lamp.user}/telemetry", b"{}")
        wait_until(lambda: bool(pauses(guarded)), timeout_s=20, what="the pause on record")


@pytest.mark.timeout(120)
def test_a_pause_holds_while_the_registry_is_away_and_is_recorded_later(tmp_path: Path) -> None:
    with guarded_nats(tmp_path, LAUTERN_QUOTA__BURST_MESSAGES=str(BURST)) as guarded, two(guarded) as (lamp, _):
        with guarded.client(lamp, "L1") as speaker, closing(sqlite3.connect(tmp_path / "registry.db")) as holder:
            speaker.ready()
            holder.execute("BEGIN IMMEDIATE")
            say(speaker, 4 * BURST)
            wait_until(lambda: "Not authorized" in speaker.said, timeout_s=20, what="kept out")
            assert not pauses(guarded)
            holder.rollback()
        wait_until(lambda: bool(pauses(guarded)), timeout_s=30, what="the pause on record")


async def _kept(url: str) -> int:
    client = await nats.connect(url)
    try:
        return int((await client.jsm().stream_info("$MQTT_msgs")).state.messages)
    finally:
        await client.close()


def _flood(guarded: GuardedBroker, login: Login, name: str) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "tests.faults.flooding",
        "127.0.0.1",
        str(guarded.port),
        login.user,
        login.password,
    ]
    return subprocess.Popen(
        [*command, str(FULL_SPEED), str(SECONDS), name], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.timeout(120)
def test_a_flood_at_full_speed_without_a_gateway_is_cut(tmp_path: Path, report: Report) -> None:
    with guarded_nats(tmp_path) as guarded, two(guarded) as (lamp, other):
        with guarded.client(guarded.gateway, "gateway", persistent=True) as gateway:
            gateway.ready()
            assert gateway.subscribe("city/v1/+/+/+/telemetry")
        floods = [_flood(guarded, lamp, name) for name in ("a", "b")]
        told: list[dict[str, Any]] = [json.loads(flood.communicate(timeout=60)[0]) for flood in floods]
        kept = asyncio.run(_kept(guarded.setup_url))
        with guarded.client(other, "L2") as quiet:
            quiet.ready().publish(f"city/v1/{other.user}/telemetry", b"{}")
        wait_until(lambda: bool(pauses(guarded)), timeout_s=20, what="the pause on record")
        (pause,) = pauses(guarded)
    report("F21", f"two connections of a login at full speed for {SECONDS:g} s, gateway away", "nats", kept=kept,
           spoke_s=str([one["spans_s"] for one in told]), refused=sum(one["refused"] for one in told),
           pauses=pause.times)  # fmt: skip
    assert kept <= KEPT_AT_MOST
    assert sum(one["refused"] for one in told) > 0
