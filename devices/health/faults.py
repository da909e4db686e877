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


class Fault(StrEnum):
    """A thing that is wrong; `devices/health/sentences.py` says what to do about each."""

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
    BROKER_AWAY = "broker_away"
    BROKER_REFUSES = "broker_refuses"
    DOOR_AWAY = "door_away"
    BROKER_FULL = "broker_full"
    CANARY_LOST = "canary_lost"
    FILES_SHORT = "files_short"
    MAIL_AWAY = "mail_away"
    NOTIFICATION_FAILED = "notification_failed"


BY_ERROR: Final[tuple[tuple[type[LauternError], Fault], ...]] = (
    (DiskFull, Fault.DISK_FULL),
    (JournalFull, Fault.JOURNAL_FULL),
    (JournalUnavailable, Fault.JOURNAL_BROKEN),
    (StoreTokenRefused, Fault.STORE_TOKEN),
    (StoreForbidden, Fault.STORE_FORBIDDEN),
    (StorePlaceMissing, Fault.STORE_PLACE_MISSING),
    (StoreNeedsRestart, Fault.STORE_NEEDS_RESTART),
    (StoreUnavailable, Fault.STORE_AWAY),
    (RegistryUnavailable, Fault.REGISTRY_READ_ONLY),
)
"""The first that fits. The gateway meets RegistryUnavailable where it writes; who cannot read says so itself."""

_ALL: Final = frozenset(Fault)
_STORE_WAITS: Final = frozenset({Fault.JOURNAL_FULL, Fault.CANARY_LOST})
_NOTHING_IN: Final = frozenset({Fault.BROKER_AWAY, Fault.CANARY_LOST})
_NOT_OF_THE_GATEWAY: Final = frozenset(
    {
        Fault.REGISTRY_AWAY,
        Fault.REGISTRY_READ_ONLY,
        Fault.PORT_TAKEN,
        Fault.PROCESS_DIES,
        Fault.FILES_SHORT,
        Fault.SECOND_GATEWAY,
        Fault.AUDIT_BROKEN,
        Fault.DOOR_AWAY,
        Fault.BROKER_FULL,
    }
)
CONSEQUENCES: Final[Mapping[Fault, frozenset[Fault]]] = {
    Fault.REGISTRY_AWAY: _ALL,
    Fault.REGISTRY_READ_ONLY: _ALL - {Fault.REGISTRY_AWAY, Fault.DISK_FULL},
    Fault.PORT_TAKEN: frozenset({Fault.BROKER_REFUSES, Fault.DOOR_AWAY, *_NOTHING_IN}),
    Fault.PROCESS_DIES: frozenset({Fault.GATEWAY_DEAD, Fault.DOOR_AWAY, *_NOTHING_IN}),
    Fault.GATEWAY_DEAD: _ALL - _NOT_OF_THE_GATEWAY,
    Fault.LOOP_DEAD: frozenset({Fault.CANARY_LOST, Fault.BROKER_AWAY, Fault.JOURNAL_FULL}),
    Fault.LOOP_STUCK: frozenset({Fault.CANARY_LOST, Fault.BROKER_AWAY, Fault.JOURNAL_FULL}),
    Fault.RECEIVER_SILENT: _NOTHING_IN,
    Fault.DISK_FULL: frozenset(
        {
            Fault.REGISTRY_READ_ONLY,
            Fault.PROCESS_DIES,
            Fault.AUDIT_BROKEN,
            Fault.JOURNAL_FULL,
            Fault.JOURNAL_BROKEN,
            *_NOTHING_IN,
        }
    ),
    Fault.JOURNAL_BROKEN: _NOTHING_IN,
    Fault.STORE_AWAY: _STORE_WAITS,
    Fault.STORE_TOKEN: _STORE_WAITS,
    Fault.STORE_FORBIDDEN: _STORE_WAITS,
    Fault.STORE_PLACE_MISSING: _STORE_WAITS,
    Fault.STORE_NEEDS_RESTART: _STORE_WAITS,
    Fault.JOURNAL_FULL: _NOTHING_IN,
    Fault.BROKER_AWAY: frozenset({Fault.DOOR_AWAY, Fault.BROKER_FULL, Fault.CANARY_LOST}),
    Fault.BROKER_REFUSES: frozenset({Fault.BROKER_AWAY, Fault.CANARY_LOST}),
    Fault.MAIL_AWAY: frozenset({Fault.NOTIFICATION_FAILED}),
}
"""Faults that follow from another one and need no remedy of their own. With the journal full the socket is left unread,
so that the broker seems away."""


HARMLESS: Final = frozenset({Fault.FILES_SHORT, Fault.MAIL_AWAY, Fault.NOTIFICATION_FAILED})
"""Somebody must act, and the installation works all the same: nobody is to restart it or turn away from it."""


def fault_of(error: BaseException) -> Fault | None:
    """What an error says is wrong; None for errors that are about a call and not about the installation."""
    return next((fault for kind, fault in BY_ERROR if isinstance(error, kind)), None)


def roots(found: frozenset[Fault]) -> list[Fault]:
    """Those that no other one explains, causes first."""
    explained = {later for fault in found for later in _following(fault, found)}
    return [fault for fault in Fault if fault in found and fault not in explained]


def _following(fault: Fault, found: frozenset[Fault]) -> frozenset[Fault]:
    """What follows from it, through faults that are there; never itself."""
    seen: set[Fault] = set()
    ahead = [fault]
    while ahead:
        for later in CONSEQUENCES.get(ahead.pop(), frozenset()) & found - seen - {fault}:
            seen.add(later)
            ahead.append(later)
    return frozenset(seen)
