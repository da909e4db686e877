"""The gateway's canary: a numbered message to itself that proves the whole way from publish to query."""

from typing import Annotated

from pydantic import Field

from devices.fields import FieldUnit
from devices.kind import DeviceKind, KindLimits
from devices.messages import StateMessage, TelemetryMessage

DEVICE_ID = "lautern-canary"
TENANT_ID = "lautern"


class CanaryTelemetry(TelemetryMessage):
    """One beat."""

    number: Annotated[int, Field(ge=0, le=2**63 - 1), FieldUnit("1")]


KIND = DeviceKind(
    name="canary",
    title="The gateway's own test message",
    telemetry=CanaryTelemetry,
    state=StateMessage,
    limits=KindLimits(raw_retention_days=2, rollup_retention_days=2, reporting_interval_s=10),
    internal=True,
)
