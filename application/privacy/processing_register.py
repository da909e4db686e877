"""The register of processing (GDPR, Article 30), made of what the kinds declare and the settings say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from application.privacy.data_classes import CLASSES, NAMES
from devices.kind import DeviceKind

LANGUAGES: Final = ("de", "en")


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """What the installation knows of itself."""

    controller: str = ""
    contact: str = ""
    officer: str = ""
    """Data protection officer."""
    days: Mapping[str, int] = field(default_factory=dict)
    """By class of data."""
    names_days: int = NAMES.days
    recipients: Sequence[str] = ()
    """Hosts and domains that data are sent to, and what for: `mail: stadt.example`."""


@dataclass(frozen=True, slots=True)
class ProcessingActivity:
    """One activity of processing; texts by language."""

    name: Mapping[str, str]
    purpose: Mapping[str, str]
    kept: Sequence[tuple[Mapping[str, str], int | None]]
    """What is kept, and days after which it is deleted; None: as long as its subject is there."""
    readers: Sequence[str]
    """Roles that may read it."""


@dataclass(frozen=True, slots=True)
class ProcessingRegister:
    """The whole register."""

    facts: RegisterFacts
    activities: Sequence[ProcessingActivity]


_RAW: Final = {"de": "Messwerte im Einzelnen", "en": "Single measurements"}
_ROLLUPS: Final = {"de": "Messwerte, zu Minuten und Stunden zusammengefasst", "en": "Measurements by minute and hour"}
_PEOPLE: Final = ProcessingActivity(
    {"de": "Zugang von Personen", "en": "Access of people"},
    {
        "de": "Anmeldung, Rollen, Rechte: Anmeldename, Name, E-Mail-Adresse, Sprache, Hash des Kennworts (Argon2id).",
        "en": "Sign-in, roles, rights: sign-in name, name, e-mail address, language, hash of the password (Argon2id).",
    },
    (({"de": "Konto: bis es gelöscht wird", "en": "Account: until it is removed"}, None),),
    ("admin",),
)
_AUDIT: Final = {
    "de": "Wer was wann von wo getan hat: Nachweis; die Kette bleibt, Name und Adresse gehen. Ein Anmeldename, an dem"
    " selbst etwas geändert wurde, bleibt als Gegenstand des Eintrags stehen.",
    "en": "Who did what, when, from where: proof; the chain stays, name and address go. A sign-in name that was itself"
    " changed stays as the object of its entry.",
}


def register_of(
    kinds: Iterable[DeviceKind], roles: Mapping[str, frozenset[str]], facts: RegisterFacts
) -> ProcessingRegister:
    """Make the register; internal kinds hold nothing of anybody."""
    of_kinds = [_of_kind(kind, roles, facts) for kind in kinds if not kind.internal]
    general = ProcessingActivity(
        {"de": "Betrieb und Nachweis", "en": "Operation and proof"},
        {"de": "Betrieb, Störungen, Sicherheit, Nachweis.", "en": "Operation, faults, security, proof."},
        (*((kept.about, facts.days.get(kept.name, kept.days)) for kept in CLASSES), (NAMES.about, facts.names_days)),
        ("admin",),
    )
    names = {"de": "Protokoll", "en": "Audit log"}
    audit = ProcessingActivity(names, _AUDIT, ((NAMES.about, facts.names_days),), _readers("audit:read", roles))
    return ProcessingRegister(facts, (*of_kinds, _PEOPLE, general, audit))


def _of_kind(kind: DeviceKind, roles: Mapping[str, frozenset[str]], facts: RegisterFacts) -> ProcessingActivity:
    own = [(kept.about, facts.days.get(kept.name, kept.days)) for kept in kind.kept]
    telemetry = [(_RAW, kind.limits.raw_retention_days), (_ROLLUPS, kind.limits.rollup_retention_days)]
    name = dict.fromkeys(LANGUAGES, kind.title)
    return ProcessingActivity(name, kind.purpose or name, (*telemetry, *own), _readers(kind.read_scope, roles, kind))


def _readers(scope: str, roles: Mapping[str, frozenset[str]], kind: DeviceKind | None = None) -> Sequence[str]:
    subject = scope.partition(":")[0]
    wanted = {scope, f"{subject}:*"} | (set() if kind is not None and kind.restricted else {"*"})
    return sorted(role for role, scopes in roles.items() if wanted & scopes)
