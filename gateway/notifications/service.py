"""Watching and sending as one part of the gateway."""

from application.health.faults import SystemFault
from application.notifications.deliveries import NotificationState
from gateway.health_reports import HealthReport, now_us
from gateway.notifications.alarm_watcher import AlarmWatcher
from gateway.notifications.delivery_queue import NotificationSender


class NotificationService:
    """`notify_due` is called often, from one thread; `said` by any."""

    def __init__(self, watching: AlarmWatcher, sending: NotificationSender) -> None:
        self._watching = watching
        self._sending = sending

    def notify_due(self) -> bool:
        """Queue what is due and send what is queued. Raises RegistryUnavailable: call again."""
        queued = self._watching.queue_due(now_us())
        return self._sending.send_due(now_us()) or queued

    def queue_reminders(self) -> int:
        """Queue what time alone makes due; returns for how many rules. Raises RegistryUnavailable: call again."""
        return self._watching.queue_reminders(now_us())

    def said(self) -> HealthReport:
        """Whether messages arrive."""
        standing, broken = self._sending.standing, self._watching.broken
        fault = standing.fault or (SystemFault.NOTIFICATION_FAILED if broken else None)
        counts = {state.value: standing.counts.get(state, 0) for state in NotificationState}
        detail = {
            **counts,
            "failing_targets": standing.failing,
            "dropped": self._watching.dropped,
            "broken_rules": len(broken),
        }
        return HealthReport(fault, standing.success_us, detail)

    def close(self) -> None:
        """Cut what is under way, after the last step."""
        self._sending.close()
