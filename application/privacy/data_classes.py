"""Classes of data that are of no single kind."""

from collections.abc import Iterable, Mapping
from typing import Final

from devices.errors import ConfigurationError
from devices.kind import DeviceKind, RetentionClass

CLASSES: Final = (
    RetentionClass(
        "alarms",
        1100,
        30,
        3660,
        {
            "de": "Meldungen von Geräten, wer sie quittiert, zurückgestellt, kommentiert hat: Betrieb und Nachweis.",
            "en": "Alarms of devices, who acknowledged, shelved or commented them: operation and proof.",
        },
    ),
    RetentionClass(
        "commands",
        400,
        35,
        3660,
        {
            "de": "Schaltbefehle, von wem und weshalb, und was daraus wurde: Betrieb und Nachweis.",
            "en": "Commands, by whom and why, and what became of them: operation and proof.",
        },
    ),
    RetentionClass(
        "dead_letters",
        90,
        1,
        400,
        {
            "de": "Abgewiesene Nachrichten von Geräten mit Inhalt: Fehlersuche.",
            "en": "Refused messages of devices with their content: finding faults.",
        },
    ),
    RetentionClass(
        "sessions",
        30,
        1,
        366,
        {
            "de": "Anmeldungen mit Adresse und Browser: Sicherheit.",
            "en": "Sign-ins with address and browser: security.",
        },
    ),
    RetentionClass(
        "notifications",
        90,
        1,
        1100,
        {
            "de": "Versandte Benachrichtigungen: Nachweis, dass jemand verständigt wurde.",
            "en": "Notifications sent: proof that somebody was told.",
        },
    ),
    RetentionClass(
        "refusals",
        90,
        1,
        400,
        {
            "de": "Abgewiesene Verbindungen von Geräten mit Adresse: Sicherheit.",
            "en": "Refused connections of devices with their address: security.",
        },
    ),
)
NAMES: Final = RetentionClass(
    "names",
    180,
    1,
    3660,
    {
        "de": "Namen von Bedienenden in Befehlen, Meldungen und Protokoll; danach steht dort ein Pseudonym.",
        "en": "Names of operators in commands, alarms and audit log; a pseudonym stands there afterwards.",
    },
)


def kept_classes(kinds: Iterable[DeviceKind]) -> Mapping[str, RetentionClass]:
    """All classes of data in the registry, those of kinds too, by name. Raises ConfigurationError on a clash."""
    found: dict[str, RetentionClass] = {}
    for kept in (*CLASSES, *(kept for kind in kinds for kept in kind.kept)):
        if kept.name in found:
            raise ConfigurationError(f"two classes of data are named {kept.name}")
        found[kept.name] = kept
    return found
