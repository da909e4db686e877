"""The committed OpenAPI description: it changes only together with its version.

python -m api.openapi_file docs/reference/openapi.json
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from api.application import create_app
from api.services import Services
from application.ports.registry import Registry
from application.ports.telemetry import TelemetryReader
from devices.catalog import discover_kinds


def describe_api() -> dict[str, Any]:
    """Describe the API with all its kinds; nothing of it is called."""
    registry, reader = cast("Registry", object()), cast("TelemetryReader", object())
    return create_app(Services(registry, reader, discover_kinds(), lambda: 0, "")).openapi()


def openapi_text(described: Mapping[str, Any]) -> str:
    """Committed form of a description."""
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def changed_without_version(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Tell whether a description changed without its version."""
    return before != now and before["info"]["version"] == now["info"]["version"]


def main(path: Path) -> str:
    """Write the description, unless it changed without its version; returns what is wrong, empty when nothing is."""
    now = describe_api()
    if path.exists() and changed_without_version(json.loads(path.read_text()), now):
        return f"{path} would change: raise API_VERSION in api/application.py first"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(openapi_text(now))
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) or 0)
