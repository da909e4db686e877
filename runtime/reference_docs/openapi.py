"""The OpenAPI description as it is committed."""

import json
from collections.abc import Mapping
from typing import Any, cast

from api.application import create_app
from api.services import Services
from application.ports.registry import Registry
from application.ports.telemetry import TelemetryReader
from devices.kind_catalog import discover_kinds


def describe_api() -> dict[str, Any]:
    """Describe the API with all its kinds; nothing of it is called."""
    registry, reader = cast("Registry", object()), cast("TelemetryReader", object())
    return create_app(Services(registry, reader, discover_kinds(), lambda: 0, "")).openapi()


def openapi_text(described: Mapping[str, Any]) -> str:
    """Committed form of a description."""
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
