"""Streetlights: lamps that are dimmed, metered and watched. Names follow TALQ and uCIFI."""

from typing import Final

from devices.kind import DeviceKind
from devices.streetlight.commands import DimCommand, ResumeCommand
from devices.streetlight.config import LampConfig
from devices.streetlight.events import EVENTS
from devices.streetlight.info import LampInfo
from devices.streetlight.limits import LIMITS
from devices.streetlight.privacy import COUNTS_PEOPLE, PURPOSE
from devices.streetlight.roles import ROLES
from devices.streetlight.rules import RULES
from devices.streetlight.state import LampState
from devices.streetlight.telemetry import LampTelemetry

KIND: Final = DeviceKind(
    name="streetlight",
    title="Streetlight",
    telemetry=LampTelemetry,
    state=LampState,
    info=LampInfo,
    config=LampConfig,
    events=EVENTS,
    commands=(DimCommand, ResumeCommand),
    rules=RULES,
    limits=LIMITS,
    roles=ROLES,
    purpose=PURPOSE,
    counts_people=COUNTS_PEOPLE,
)
