"""What can be wrong with an installation, from the cause to its consequences, and which errors mean which fault."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from devices.errors import (
    DiskFull,
    JournalFull,
    JournalUnavailable,
    LauternError,
    RegistryUnavailable,
    StoreForbidden,
    StoreNeedsRestart,
    StorePlaceMissing,
    StoreTokenRefused,
    StoreUnavailable,
)


class SystemFault(StrEnum):
    """A thing that is wrong; `application/health/fault_messages.py` says what to do about each."""

    REGISTRY_AWAY = "registry_away"
    REGISTRY_READ_ONLY = "registry_read_only"
    PORT_TAKEN = "port_taken"
    PROCESS_DIES = "process_dies"
    GATEWAY_DEAD = "gateway_dead"
    SECOND_GATEWAY = "second_gateway"
    LOOP_DEAD = "loop_dead"
    LOOP_STUCK = "loop_stuck"
    RECEIVER_SILENT = "receiver_silent"
    SCHEDULER_DEAD = "scheduler_dead"
    DISK_FULL = "disk_full"
    AUDIT_BROKEN = "audit_broken"
    JOURNAL_BROKEN = "journal_broken"
    STORE_AWAY = "store_away"
    STORE_TOKEN = "store_token"  # noqa: S105 - the name of a fault
    STORE_FORBIDDEN = "store_forbidden"
    STORE_PLACE_MISSING = "store_place_missing"
    STORE_NEEDS_RESTART = "store_needs_restart"
    JOURNAL_FULL = "journal_full"
    STARTING = "starting"
    BROKER_AWAY = "broker_away"
    BROKER_REFUSES = "broker_refuses"
    AUTH_CALLOUT_AWAY = "auth_callout_away"
    BROKER_FULL = "broker_full"
    CANARY_LOST = "canary_lost"
    FILES_SHORT = "files_short"
    MAIL_AWAY = "mail_away"
    NOTIFICATION_FAILED = "notification_failed"


BY_ERROR: Final[tuple[tuple[type[LauternError], SystemFault], ...]] = (
    (DiskFull, SystemFault.DISK_FULL),
    (JournalFull, SystemFault.JOURNAL_FULL),
    (JournalUnavailable, SystemFault.JOURNAL_BROKEN),
    (StoreTokenRefused, SystemFault.STORE_TOKEN),
    (StoreForbidden, SystemFault.STORE_FORBIDDEN),
    (StorePlaceMissing, SystemFault.STORE_PLACE_MISSING),
    (StoreNeedsRestart, SystemFault.STORE_NEEDS_RESTART),
    (StoreUnavailable, SystemFault.STORE_AWAY),
    (RegistryUnavailable, SystemFault.REGISTRY_READ_ONLY),
)
"""The first that fits. The gateway meets RegistryUnavailable where it writes; who cannot read says so itself."""

_ALL: Final = frozenset(SystemFault)
_STORE_WAITS: Final = frozenset({SystemFault.JOURNAL_FULL, SystemFault.CANARY_LOST})
_NOTHING_IN: Final = frozenset({SystemFault.BROKER_AWAY, SystemFault.CANARY_LOST})
_NOT_OF_THE_GATEWAY: Final = frozenset(
    {
        SystemFault.REGISTRY_AWAY,
        SystemFault.REGISTRY_READ_ONLY,
        SystemFault.PORT_TAKEN,
        SystemFault.PROCESS_DIES,
        SystemFault.FILES_SHORT,
        SystemFault.SECOND_GATEWAY,
        SystemFault.AUDIT_BROKEN,
        SystemFault.AUTH_CALLOUT_AWAY,
        SystemFault.BROKER_FULL,
    }
)
CONSEQUENCES: Final[Mapping[SystemFault, frozenset[SystemFault]]] = {
    SystemFault.REGISTRY_AWAY: _ALL,
    SystemFault.REGISTRY_READ_ONLY: _ALL - {SystemFault.REGISTRY_AWAY, SystemFault.DISK_FULL},
    SystemFault.PORT_TAKEN: frozenset({SystemFault.BROKER_REFUSES, SystemFault.AUTH_CALLOUT_AWAY, *_NOTHING_IN}),
    SystemFault.PROCESS_DIES: frozenset({SystemFault.GATEWAY_DEAD, SystemFault.AUTH_CALLOUT_AWAY, *_NOTHING_IN}),
    SystemFault.GATEWAY_DEAD: _ALL - _NOT_OF_THE_GATEWAY,
    SystemFault.LOOP_DEAD: frozenset({SystemFault.CANARY_LOST, SystemFault.BROKER_AWAY, SystemFault.JOURNAL_FULL}),
    SystemFault.LOOP_STUCK: frozenset({SystemFault.CANARY_LOST, SystemFault.BROKER_AWAY, SystemFault.JOURNAL_FULL}),
    SystemFault.RECEIVER_SILENT: _NOTHING_IN,
    SystemFault.DISK_FULL: frozenset(
        {
            SystemFault.REGISTRY_READ_ONLY,
            SystemFault.PROCESS_DIES,
            SystemFault.AUDIT_BROKEN,
            SystemFault.JOURNAL_FULL,
            SystemFault.JOURNAL_BROKEN,
            *_NOTHING_IN,
        }
    ),
    SystemFault.JOURNAL_BROKEN: _NOTHING_IN,
    SystemFault.STORE_AWAY: _STORE_WAITS,
    SystemFault.STORE_TOKEN: _STORE_WAITS,
    SystemFault.STORE_FORBIDDEN: _STORE_WAITS,
    SystemFault.STORE_PLACE_MISSING: _STORE_WAITS,
    SystemFault.STORE_NEEDS_RESTART: _STORE_WAITS,
    SystemFault.JOURNAL_FULL: _NOTHING_IN,
    SystemFault.STARTING: frozenset({SystemFault.AUTH_CALLOUT_AWAY, SystemFault.CANARY_LOST}),
    SystemFault.BROKER_AWAY: frozenset(
        {SystemFault.AUTH_CALLOUT_AWAY, SystemFault.BROKER_FULL, SystemFault.CANARY_LOST}
    ),
    SystemFault.BROKER_REFUSES: frozenset({SystemFault.BROKER_AWAY, SystemFault.CANARY_LOST}),
    SystemFault.MAIL_AWAY: frozenset({SystemFault.NOTIFICATION_FAILED}),
}
"""Faults that follow from another one and need no remedy of their own. With the journal full the socket is left unread,
so that the broker seems away."""


HARMLESS: Final = frozenset({SystemFault.FILES_SHORT, SystemFault.MAIL_AWAY, SystemFault.NOTIFICATION_FAILED})
"""Somebody must act, and the installation works all the same: nobody is to restart it or turn away from it."""


def fault_of(error: BaseException) -> SystemFault | None:
    """What an error says is wrong; None for errors that are about a call and not about the installation."""
    return next((fault for kind, fault in BY_ERROR if isinstance(error, kind)), None)


def root_causes(found: frozenset[SystemFault]) -> list[SystemFault]:
    """Those that no other one explains, causes first."""
    explained = {later for fault in found for later in _following(fault, found)}
    return [fault for fault in SystemFault if fault in found and fault not in explained]


def _following(fault: SystemFault, found: frozenset[SystemFault]) -> frozenset[SystemFault]:
    """What follows from it, through faults that are there; never itself."""
    seen: set[SystemFault] = set()
    ahead = [fault]
    while ahead:
        for later in CONSEQUENCES.get(ahead.pop(), frozenset()) & found - seen - {fault}:
            seen.add(later)
            ahead.append(later)
    return frozenset(seen)
