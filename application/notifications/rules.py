"""Who is told of which alarms: targets, and the rules that name them."""

from dataclasses import dataclass, field
from enum import StrEnum

from application.notifications.duty_hours import DutyHours
from devices.messages import EventSeverity
from devices.time_us import MINUTE_US, SECOND_US
from devices.wording.catalogue import Language


class NotificationChannel(StrEnum):
    """How a target is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """A place that messages go to. `secret` signs a webhook's messages; it is shown once and never again."""

    target_id: str
    tenant_id: str
    name: str
    channel: NotificationChannel
    address: str
    """E-mail address or URL."""
    language: Language = "de"
    enabled: bool = True
    secret: str | None = field(default=None, repr=False)
    version: int = 0


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Who else is told when nobody has acknowledged for so long after the first message."""

    after_us: int
    target_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """Tells targets of a tenant's alarms. Empty `severities` or `group_ids` mean all; `kinds` are always named."""

    rule_id: str
    tenant_id: str
    name: str
    kinds: frozenset[str]
    target_ids: tuple[str, ...]
    severities: frozenset[EventSeverity] = frozenset()
    group_ids: frozenset[str] = frozenset()
    duty: DutyHours = field(default_factory=DutyHours)
    critical_always: bool = False
    """Critical alarms do not wait for the duty hours."""
    gather_us: int = 30 * SECOND_US
    """Alarms of so long go into one message."""
    repeat_us: int | None = None
    """Reminds so often of what is open and not acknowledged."""
    escalation: tuple[EscalationStep, ...] = ()
    resolved: bool = True
    """Tells the end of what was told."""
    enabled: bool = True
    version: int = 0

    def everyone(self) -> frozenset[str]:
        """Ids of all targets it names."""
        return frozenset(self.target_ids).union(*(step.target_ids for step in self.escalation))


LONGEST_GATHER_US = 60 * MINUTE_US
