"""Watching and sending as one part of the gateway."""

from devices.health.faults import Fault
from devices.notifying.deliveries import State
from gateway.notifying.sending import Sending
from gateway.notifying.watching import Watching
from gateway.probes import Said, now_us


class Notifying:
    """`step` is called often, from one thread; `said` by any."""

    def __init__(self, watching: Watching, sending: Sending) -> None:
        self._watching = watching
        self._sending = sending

    def step(self) -> bool:
        """Queue what is due and send what is queued. Raises RegistryUnavailable: call again."""
        queued = self._watching.step(now_us())
        return self._sending.step(now_us()) or queued

    def said(self) -> Said:
        """Whether messages arrive."""
        standing, broken = self._sending.standing, self._watching.broken
        fault = standing.fault or (Fault.NOTIFICATION_FAILED if broken else None)
        counts = {state.value: standing.counts.get(state, 0) for state in State}
        detail = {
            **counts,
            "failing_targets": standing.failing,
            "dropped": self._watching.dropped,
            "broken_rules": len(broken),
        }
        return Said(fault, standing.success_us, detail)

    def close(self) -> None:
        """Cut what is under way, after the last step."""
        self._sending.close()
