"""What the compose file gives each container: no more than it needs, and bounds."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
WRITABLE = {"influxdb"}
"""Its start writes outside its volumes."""


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_is_bounded_and_shut(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) == (name not in WRITABLE)
    assert service["image"].startswith("${"), "may be named by digest"


def test_only_who_makes_tokens_has_the_one_that_may_do_all() -> None:
    has = {name for name, service in SERVICES.items() if "influxdb-token" in service.get("secrets", [])}
    assert has == {"influxdb", "store-tokens"}
    assert "tokens-api:/tokens:ro" in SERVICES["api"]["volumes"]
    assert "tokens-gateway:/tokens:ro" in SERVICES["gateway"]["volumes"]


def test_nobody_may_write_as_any_device_unless_somebody_wants_it() -> None:
    for name, service in SERVICES.items():
        line = " ".join([*service.get("entrypoint", []), *service.get("command", [])])
        assert "--simulators" not in line.replace("SIMULATORS=--simulators in .env", ""), name
        if name.startswith("sim-"):
            assert service["volumes"] == ["simulators:/simulators:ro"], "a password, not all data"
        environment = service.get("environment", {})
        assert environment.get("SIMULATORS", "${SIMULATORS:-}") == "${SIMULATORS:-}"
