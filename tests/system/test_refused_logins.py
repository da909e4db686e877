"""A login that the broker refuses again and again is an alarm."""

from contextlib import closing
from pathlib import Path

import pytest

from application.ports.alarms import AlarmRepository
from devices.generic_rules import LOGIN_REFUSED, REFUSED_MANY
from runtime.broker.login_probe import BrokerListener, broker_admits
from tests.faults.embedded import embedded
from tests.real_parts.waiting import wait_until


@pytest.mark.timeout(240)
def test_a_login_refused_again_and_again_is_an_alarm(tmp_path: Path) -> None:
    def alarms() -> list[tuple[str, str]]:
        with closing(town.registry()) as registry, registry.read() as tx:
            return [(a.asset_id, a.name) for a in tx.get(AlarmRepository).find().items if a.name == LOGIN_REFUSED]

    with embedded(tmp_path / "data", ["L1", "L2"]) as (town, known):
        for login in (known["L1"], known["L2"]):
            for _ in range(REFUSED_MANY if login == known["L1"] else REFUSED_MANY - 1):
                assert not broker_admits(BrokerListener("127.0.0.1", town.port), login.user, "an old password")
        wait_until(lambda: bool(alarms()), timeout_s=120, what="an alarm")
        assert alarms() == [("L1", LOGIN_REFUSED)]
