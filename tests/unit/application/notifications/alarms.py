"""Alarms and rules for the tests; what a test does not name does not matter to it."""

from typing import Any

from application.notifications.rule_evaluation import AlarmSnapshot, GroupPlace
from application.notifications.rules import NotificationRule
from devices.messages import EventSeverity
from devices.time_us import MINUTE_US, SECOND_US

NOW_US = 1_795_000_000 * SECOND_US
FAUTHWEG = GroupPlace("g-1", "Fauthweg")


def seen(alarm_id: str, **values: Any) -> AlarmSnapshot:
    common: dict[str, Any] = {"tenant_id": "kl", "kind": "streetlight", "asset_id": alarm_id, "device": alarm_id}
    common |= {"name": "lamp_failure", "part": "", "severity": EventSeverity.MAJOR, "places": (FAUTHWEG,)}
    common |= {"since_us": NOW_US - MINUTE_US, "raised_us": NOW_US - MINUTE_US}
    return AlarmSnapshot(**common | values, alarm_id=alarm_id)


def rule(**values: Any) -> NotificationRule:
    common: dict[str, Any] = {"tenant_id": "kl", "name": "Nachts", "kinds": frozenset({"streetlight"})}
    return NotificationRule(**common | {"target_ids": ("t-1",)} | values, rule_id="r-1")


def by_id(*alarms: AlarmSnapshot) -> dict[str, AlarmSnapshot]:
    return {alarm.alarm_id: alarm for alarm in alarms}
