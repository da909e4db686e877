"""F16: the machine's clock jumps under load, by libfaketime: nothing is lost, no command is sent twice or too late."""

import secrets
from pathlib import Path

import pytest

from tests.faults.account import settle
from tests.faults.conftest import Report
from tests.faults.publishing import publishing
from tests.real_parts.brokers import Broker
from tests.system.installation import running
from tests.system.lamps import Lamps

RATE = 300
JUMPS = ("-1h", "+1h", "-1d", "+1d", "+0")


@pytest.mark.timeout(150)
def test_clock_jumps_lose_nothing_and_repeat_no_command(
    faketime_program: Path, mosquitto: Broker, tmp_path: Path, report: Report
) -> None:
    rate = tmp_path / "clock"
    rate.write_text("+0")
    jumping = {
        "LD_PRELOAD": str(faketime_program), "FAKETIME_TIMESTAMP_FILE": str(rate), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    lamp = f"t{secrets.token_hex(6)}"
    with running(tmp_path, mosquitto, None, "lautern", jumping) as town:
        town.register("kl", [lamp])
        with Lamps(mosquitto, [lamp]) as lamps, publishing(town, RATE) as fleet:
            for jump in JUMPS:
                fleet.wait_for_more(RATE)
                rate.write_text(jump)
                fleet.wait_for_more(3 * RATE)
                assert town.gateway.running()
                assert not town.said("mqtt_disconnected")
            body = {"name": "dim", "arguments": {"level_pct": 30}}
            status, answer = town.rest.call("POST", f"/devices/{lamp}/commands?wait=applied&timeout=10", body)
            assert (status, answer["delivery"]) == (200, "applied")
            executed = lamps.executed[lamp]
        line = town.rest.ledger("streetlight")
        account = settle(town, fleet, others=1)
        letters = {x["reason"] for x in town.rest.items("/dead-letters", limit=500)}
    report("F16", f"the gateway's clock jumps: {', '.join(JUMPS)}", "mosquitto-sqlite", account)
    assert (account.lost, account.invented, account.doubled) == (0, 0, 0), account
    assert letters <= {"clock_ahead"}, "with a clock an hour behind, a right one is ahead: kept as dead letters"
    assert len(executed) == 1, line
