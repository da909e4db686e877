"""What each role loads: modules are memory, some 4 MB for each MB of compiled code, for as long as it runs."""

import json
import subprocess
import sys

import pytest

EVERYBODY = {
    "rich",
    "pygments",
    "alembic",
    "mako",
    "holidays",
    "influxdb_client",
    "reactivex",
    "IPython",
    "numpy",
    "pandas",
}
"""What only some installations, or only moments of them, need; loaded when it is used."""
HTTP = {"fastapi", "starlette", "jinja2"}
FORBIDDEN = {
    "cli.up": EVERYBODY | HTTP | {"paho", "prometheus_client", "apscheduler", "uvicorn"},
    "runtime.broker.auth_callout_role": EVERYBODY | HTTP | {"paho", "prometheus_client", "apscheduler", "uvicorn"},
    "runtime.receiver_role": EVERYBODY | HTTP | {"sqlalchemy", "nats", "prometheus_client", "apscheduler", "uvicorn"},
    "runtime.gateway_role": EVERYBODY | HTTP | {"nats", "webauthn", "segno"},
    "runtime.api_role": EVERYBODY
    | {"paho", "nats", "apscheduler", "webauthn", "pyasn1", "OpenSSL", "segno", "authlib"},
    "simulators.side_by_side": EVERYBODY | HTTP | {"sqlalchemy", "nats", "structlog", "asyncio", "cryptography"},
}
MOST = {
    "cli.up": 700,
    "runtime.broker.auth_callout_role": 760,
    "runtime.receiver_role": 460,
    "runtime.gateway_role": 1020,
    "runtime.api_role": 1330,
    "simulators.side_by_side": 370,
}
"""Modules; a tenth more than there are."""


@pytest.mark.parametrize("role", FORBIDDEN)
def test_a_role_loads_only_what_it_uses(role: str) -> None:
    asked = f"import json, sys, {role}; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", asked], text=True))
    assert FORBIDDEN[role] & {name.partition(".")[0] for name in loaded} == set()
    assert len(loaded) <= MOST[role]
