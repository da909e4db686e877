"""What a drone is asked to be set to, retained."""

from typing import Annotated

from pydantic import Field

from devices.messages import ConfigMessage


class DroneConfig(ConfigMessage):
    """Reporting only: a backend does not fly."""

    telemetry_rate_hz: Annotated[float, Field(ge=0.2, le=5)] | None = None
    """Rate in flight."""
    ground_interval_s: Annotated[float, Field(ge=1, le=60)] | None = None
