"""A device kind declares itself; everything else iterates over kinds and knows none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.messages import CommandBody, ConfigMessage, EventMessage, InfoMessage, StateMessage, TelemetryMessage
from devices.rules import Rule

LONGEST_INTERVAL_S = 86_400
"""A device reports at least this often."""


def interval_s(usual: float, *told: object) -> float:
    """Seconds between two messages: the first told that can be one, else what is usual for the kind.

    People and spreadsheets tell it: text, a truth value or 10^308 must stop no rule.
    """
    numbers = (t for t in told if isinstance(t, int | float) and not isinstance(t, bool))
    return next((float(n) for n in numbers if 0 < n <= LONGEST_INTERVAL_S), usual)


@dataclass(frozen=True, slots=True)
class KindLimits:
    """Numbers that differ per kind."""

    clock_ahead_s: float = 600
    """A `ts` further ahead of receipt is refused."""
    raw_retention_days: int = 400
    """Raw samples are kept this long; an older `ts` is refused."""
    rollup_retention_days: int = 1100
    reporting_interval_s: float = 60
    """Expected when neither configuration nor asset says otherwise."""
    silent_after_intervals: float = 3


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A class of data in the registry, and how long it is kept, counted from its end; settings move within bounds."""

    name: str
    days: int
    least: int
    most: int
    about: Mapping[str, str]
    """What it is, why it is kept, who is named in it; by language."""


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One kind of device: what it says, what it accepts, which rules watch it."""

    name: str
    title: str
    """English, for documentation."""
    telemetry: type[TelemetryMessage]
    state: type[StateMessage]
    info: type[InfoMessage] = InfoMessage
    config: type[ConfigMessage] = ConfigMessage
    events: Mapping[str, type[EventMessage]] = field(default_factory=dict)
    commands: tuple[type[CommandBody], ...] = ()
    rules: tuple[Rule, ...] = ()
    limits: KindLimits = KindLimits()
    restricted: bool = False
    """True: data only for keys with the kind's own scope, also in counts, dead letters and streams."""

    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Scopes that each role has for this kind, beside those of `application.access.roles`."""

    lendable: bool = False
    """True: one of them may be another town's for a time. Never what is restricted."""

    kept: tuple[RetentionClass, ...] = ()
    """What the kind's own tables keep; `storage/kinds/<kind>` says where each is."""

    purpose: Mapping[str, str] = field(default_factory=dict)
    """What its data are processed for and who could be known from them; by language, for the register of processing."""

    counts_people: frozenset[str] = frozenset()
    """Fields that count people or their devices: rounded as they come in, and under five shown as `<5`."""

    counts_apart: frozenset[str] = frozenset()
    """Those of `counts_people` that count parts of another in the same sample: taken in where all are five or more."""

    names_nobody: bool = False
    """True: takes in no address or name of a person's device; the message is refused and its bytes are not kept."""

    internal: bool = False
    """True: not a thing of the city; lists, counts and pages leave it out."""

    def command(self, name: str) -> type[CommandBody] | None:
        """Body model of the command `name`; None when the kind has none such."""
        return next((c for c in self.commands if name == c.NAME), None)

    @property
    def read_scope(self) -> str:
        """Scope that lets a key read this kind."""
        return f"{self.name}:read"
