"""A07, F16: codes guessed by many at once, used twice, a killed API, a clock that jumps: with the running program."""

import base64
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from httpx2 import Client, HTTPError

from application.access.second_factor import wait_us
from devices.time_us import SECOND_US
from tests.faults.conftest import Report
from tests.real_parts.ports import claim_port
from tests.real_parts.servers import Server
from tests.system.terminal import ROOT, Terminal

pytestmark = pytest.mark.timeout(150)
LINK: Final = re.compile(r"#token=([\w-]{43})")
NEW: Final = "a sentence is better"
V1: Final = "/api/v1"
STEP: Final = f"{V1}/login/second-factor"
GUESSES, AT_ONCE = 100, 10
JUMPS: Final = {"-1h": 200, "+1h": 200, "-1d": 200, "+1d": 401, "+0": 200}


class Api:
    """`lautern api` on fresh data, whose clock a file sets; its administrator has enrolled an app."""

    def __init__(self, folder: Path, faketime: Path) -> None:
        self.clock = folder / "clock"
        self.clock.write_text("+0")
        port = claim_port()
        self.address = f"http://127.0.0.1:{port}"
        data = folder / "data"
        link = LINK.findall(Terminal(folder)("init", "--data-dir", str(data)))[0]
        faked = [f"LD_PRELOAD={faketime}", f"FAKETIME_TIMESTAMP_FILE={self.clock}", "FAKETIME_NO_CACHE=1"]
        faked += ["FAKETIME_DONT_FAKE_MONOTONIC=1", f"LAUTERN_HTTP__PORT={port}", f"PYTHONPATH={ROOT}"]
        command = ["env", *faked, sys.executable, "-m", "runtime.api_role", "--data-dir", str(data)]
        self.server = Server("api", command, folder=folder, ready=self._answers)
        self.server.start()
        self.admin = self.browser({"token": link})
        made = self.admin.post(f"{V1}/me/second-factors/app").json()
        self._totp = TOTP(base64.b32decode(made["secret"]), 6, SHA1(), 30)
        done = self.admin.post(f"{V1}/me/second-factors/app/confirm", json={"code": self.code()}).json()
        self.recovery_codes = done["recovery_codes"]
        assert self.admin.post(f"{V1}/me/password", json={"new": NEW}).status_code == 204

    def code(self, off: int = 0) -> str:
        """What the app shows, `off` steps from now."""
        return self._totp.generate(time.time() + 30 * off).decode()

    def browser(self, proof: Mapping[str, str] | None = None) -> Client:
        """Sign in by a link, or as the administrator by his password; the second step is still to be done."""
        client = Client(base_url=self.address, headers={"Origin": self.address}, timeout=30)
        answer = client.post(f"{V1}/login", json=proof or {"name": "admin", "password": NEW})
        assert answer.status_code == 200, answer.text
        return client

    def _answers(self) -> bool:
        try:
            with Client() as client:
                return client.get(f"{self.address}/healthz").status_code == 200
        except HTTPError:
            return False


@pytest.fixture
def api(faketime_program: Path, tmp_path: Path) -> Iterator[Api]:
    running = Api(tmp_path, faketime_program)
    yield running
    running.admin.close()
    running.server.stop()


def allowed(took_us: int) -> int:
    """How many guesses may be judged in a time."""
    count, at_us = 0, 0
    while at_us <= took_us:
        count += 1
        at_us += wait_us(count, at_us, at_us)
    return count


def test_codes_are_not_guessed_and_work_once(api: Api, report: Report) -> None:
    sessions = [api.browser() for _ in range(AT_ONCE)]
    right = {api.code(off) for off in (-1, 0, 1, 2, 3)}
    guesses = [code for code in (f"{n:06d}" for n in range(2 * GUESSES)) if code not in right][:GUESSES]
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def guess(number: int, code: str) -> int:
            return sessions[number % AT_ONCE].post(STEP, json={"code": code}).status_code

        began = time.monotonic()
        said = Counter(pool.map(guess, range(GUESSES), guesses))
        took_us = int((time.monotonic() - began) * SECOND_US)
        api.server.kill()
        api.server.start()
        locked = sessions[0].post(STEP, json={"code": api.code(1)})
        recovered = sessions[0].post(STEP, json={"recovery_code": api.recovery_codes[0]})
        same = api.code(1)
        shown = Counter(pool.map(lambda s: s.post(STEP, json={"code": same}).status_code, sessions[1:]))
    for session in sessions:
        session.close()
    what = f"{GUESSES} codes guessed in {AT_ONCE} sessions at once, the API killed after"
    report("A07", what, "api-sqlite", judged=said[422], let_in=said[200], locked_after_kill=locked.status_code == 429)
    report("A07", f"one right code shown in {len(sessions) - 1} sessions at once", "api-sqlite", let_in=shown[200])
    assert set(said) <= {422, 429, 503}, said
    assert 0 < said[422] <= allowed(took_us), "five are free, then the pauses grow"
    assert locked.status_code == 429, locked.text
    assert recovered.status_code == 200, recovered.text
    assert shown[200] == 1, shown


def test_a_clock_that_jumps_signs_in_nobody_and_opens_no_lock(api: Api, report: Report) -> None:
    wrong = {"name": "nobody", "password": "wrong"}
    tries = [api.admin.post(f"{V1}/login", json=wrong).status_code for _ in range(11)]
    seen, locks = {}, []
    for jump in JUMPS:
        api.clock.write_text(jump)
        seen[jump] = api.admin.get(f"{V1}/users").status_code
        locks.append(api.admin.post(f"{V1}/login", json=wrong).status_code)
    said = {jump: status for jump, status in seen.items() if status != 200}
    what, opened = f"the API's clock jumps: {', '.join(JUMPS)}", sum(status != 429 for status in locks)
    report("F16", what, "api-sqlite", signed_out_at=", ".join(said) or "none", locks_opened=opened)
    assert tries == [401] * 10 + [429]
    assert seen == JUMPS, "a day ahead more than twelve hours without use are over; set right, all is as before"
    assert set(locks) == {429}
