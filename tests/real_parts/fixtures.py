"""Fixtures over all real parts."""

import secrets
from typing import cast

import pytest

from tests.real_parts.brokers import Broker
from tests.real_parts.servers import start_what_was_killed


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn: the test runs once per broker."""
    return cast("Broker", request.getfixturevalue(request.param))


@pytest.fixture
def unique_id() -> str:
    """An id that no other test uses, fit for topics, tenants, devices and client ids."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture(autouse=True)
def real_parts_running() -> None:
    """Bring back the servers that an earlier test killed."""
    start_what_was_killed()
