"""Messages on their way to one target each: queued until sent, or failed for good."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel
from devices.time_us import DAY_US, MINUTE_US, SECOND_US
from devices.wording.catalogue import CodedText

GIVE_UP_US: Final = DAY_US
"""What could not be delivered for so long is failed."""
WAITING_MOST: Final = 100
"""So many may wait for one target; one more fails the oldest."""
KEPT: Final = 5_000
"""So many that are sent or failed are kept, the newest."""
_FIRST_US: Final = 5 * SECOND_US
_MOST_US: Final = 10 * MINUTE_US


class NotificationState(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NotificationDelivery:
    """One message to one target. `delivery_id` goes with every attempt, so that a receiver can tell a repetition.

    `reason`: why the last attempt failed, in English; `coded`: the same by code.
    `kind`: that of the devices it tells of, None for a test.
    """

    delivery_id: str
    tenant_id: str
    target_id: str
    channel: NotificationChannel
    occasion: NotificationOccasion
    subject: str
    body: str
    """Text of a mail, JSON of a webhook."""
    created_us: int
    next_attempt_us: int
    rule_id: str | None = None
    kind: str | None = None
    alarms: int = 0
    state: NotificationState = NotificationState.QUEUED
    attempts: int = 0
    reason: str | None = None
    coded: CodedText | None = None
    """None also for what failed before codes were kept."""
    final_us: int | None = None


def retry_us(attempts: int, now_us: int) -> int:
    """When to try again after so many attempts: 5 s, 10 s, 20 s … 10 min."""
    return now_us + min(_FIRST_US << min(attempts - 1, 10), _MOST_US)
