"""An auth callout that lets nobody in is named, and is well again by itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nats
import pytest

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from runtime.broker.auth_callout import AuthCallout as Callout
from runtime.broker.auth_callout import CalloutAddress
from runtime.broker.jwt_signer import JwtSigner
from runtime.broker.nats_conf import Permissions
from runtime.broker.service_passwords import ServicePasswords
from tests.faults.conftest import Report
from tests.faults.embedded import Embedded, embedded
from tests.faults.guarded_brokers import GuardedBroker, guarded_nats
from tests.real_parts.ports import answers
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT, Rest

WITHIN_S = 60
AUTH_CALLOUT = "runtime.broker.auth_callout_role"


def _readyz(town: Embedded) -> dict[str, Any]:
    answer: dict[str, Any] = Rest(f"http://127.0.0.1:{town.http_port}", "").call("GET", "/readyz")[1]
    return answer


@pytest.mark.timeout(240)
def test_a_frozen_auth_callout_is_named_and_started_again(tmp_path: Path) -> None:
    with embedded(tmp_path / "data", ["L1"]) as (town, _):
        wait_until(lambda: answers(town.http_port), timeout_s=30, what="the API")
        wait_until(lambda: _readyz(town)["ready"], timeout_s=30, what="ready")
        frozen, began = town.child(AUTH_CALLOUT), time.monotonic()
        os.kill(frozen, signal.SIGSTOP)
        sentence = SENTENCES[SystemFault.AUTH_CALLOUT_AWAY].text()
        wait_until(lambda: _readyz(town)["summary"] == sentence, timeout_s=WITHIN_S, what="the fault is named")
        print(f"\nnamed after {time.monotonic() - began:.1f} s")  # noqa: T201 - the figure is the point
        doctor = [sys.executable, "-m", "cli", "doctor", "--data-dir", str(town.folder)]
        found = subprocess.run(doctor, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert sentence in found.stdout
        wait_until(lambda: _readyz(town)["ready"], timeout_s=WITHIN_S, what="the supervisor starts it again")
        assert town.child(AUTH_CALLOUT) not in {0, frozen}


@pytest.mark.timeout(180)
def test_who_asked_while_nobody_answered_comes_in_as_soon_as_somebody_does(tmp_path: Path, report: Report) -> None:
    with guarded_nats(tmp_path) as guarded, ExitStack() as stack:
        lamp = guarded.issue("L1", ago_s=3600)
        wait_until(lambda: guarded.admits(lamp, lamp.user), timeout_s=20, what="the login known")
        password = ServicePasswords(tmp_path / "broker").password("system")
        system = guarded.setup_url.rpartition("@")[2]
        with guarded.keeper.paused():
            guarded.server.kill()
            guarded.server.start()
            speaker = stack.enter_context(guarded.client(lamp, "L1"))
            url = f"nats://system:{password}@{system}"
            wait_until(lambda: lamp.user in asyncio.run(_asking(url)), timeout_s=20, what="the lamp asks")
            assert speaker.said == []
        wait_until(lambda: bool(speaker.said), timeout_s=60, what="an answer")
        report("F03", "a lamp asks before the auth callout listens at its new broker", "nats", None,
               refused_first=speaker.said.count("Not authorized"))  # fmt: skip
        assert speaker.said == ["Success"], "not refused after the thirty seconds that the broker waits"
        guarded.server.kill()  # asked to end, it would wait as long for the answer that never came


async def _asking(url: str) -> set[str]:
    client = await nats.connect(url, allow_reconnect=False)
    try:
        answer = await client.request("$SYS.REQ.SERVER.PING.CONNZ", b'{"auth": true}', timeout=5)
        found = json.loads(answer.data)["data"]["connections"]
        return {each.get("authorized_user", "") for each in found if each["type"] == "mqtt"}
    finally:
        await client.close()


@pytest.mark.timeout(60)
def test_a_broker_that_answers_late_is_still_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    """The late answer to a question that was given up must not end the connection on which the broker asks."""
    with guarded_nats(tmp_path) as guarded:
        asyncio.run(_asked_while_it_is_frozen(guarded, tmp_path / "broker", monkeypatch))
    report("F02", "the broker answers its auth callout too late, as under a flood of connects", "nats", None, deaf=0)


async def _asked_while_it_is_frozen(guarded: GuardedBroker, folder: Path, patch: pytest.MonkeyPatch) -> None:
    asking = Callout(
        guarded.registry, CalloutAddress(guarded.setup_url, "", "", ""), JwtSigner.of(folder), _nothing, None
    )
    place = guarded.setup_url.rpartition("@")[2]
    client = await nats.connect(f"nats://callout:{ServicePasswords(folder).password('callout')}@{place}")
    try:
        with guarded.server.paused():
            wait_until(lambda: _state(guarded.server.pid) == "T", what="it is frozen")
            with patch.context() as impatient:
                impatient.setattr("runtime.broker.auth_callout.PATIENCE_S", 0.3)
                with pytest.raises(nats.errors.TimeoutError):
                    await asking._hear(client)
        await asking._hear(client)
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request("test.nobody", timeout=5)
    finally:
        await client.close()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _nothing(user: str, *, connector: bool) -> Permissions:
    return [user], [str(connector)]
