"""Pure judgement: heartbeats and the present in, the state of each part and of the whole out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from application.health.fault_messages import summarise_faults
from application.health.faults import HARMLESS, SystemFault, root_causes
from application.ports.heartbeats import Heartbeat
from devices.time_us import SECOND_US
from devices.wording.catalogue import Language

STALE_S: Final = 20
"""Parts beat every 2 s. Silence is a fault well before the 60 s within which every fault must be seen."""
REQUIRED: Final = ("gateway", "broker", "journal", "store", "scheduler", "canary")
API: Final = "api"
"""The API's own beat: proves that it can write the registry, and that it runs."""
AUDIT: Final = "audit"
"""Written by the API too: proves that it can put on record what people do."""
AUTH_CALLOUT: Final = "auth_callout"
"""Written by what lets devices in at a nats-server."""
AWAITED: Final = "awaited"
"""Detail of the gateway's beat: parts that are to be there by its settings, although another process writes of them."""
SECOND: Final = "gateway/second"
"""Written by a gateway that was refused; counts while it is fresh."""
_BY_PART: Final[Mapping[str, SystemFault]] = {
    "registry": SystemFault.REGISTRY_AWAY,
    API: SystemFault.REGISTRY_READ_ONLY,
    AUDIT: SystemFault.AUDIT_BROKEN,
    AUTH_CALLOUT: SystemFault.AUTH_CALLOUT_AWAY,
    "process": SystemFault.PROCESS_DIES,
    "gateway": SystemFault.GATEWAY_DEAD,
    SECOND: SystemFault.SECOND_GATEWAY,
    "broker": SystemFault.BROKER_AWAY,
    "journal": SystemFault.JOURNAL_FULL,
    "store": SystemFault.STORE_AWAY,
    "scheduler": SystemFault.SCHEDULER_DEAD,
    "canary": SystemFault.CANARY_LOST,
    "notifications": SystemFault.NOTIFICATION_FAILED,
    "loop": SystemFault.LOOP_DEAD,
}
"""What is wrong with a part that does not say so itself; by its name, or what stands before the slash."""

_SILENT: Final[Mapping[str, SystemFault]] = {
    API: SystemFault.REGISTRY_READ_ONLY,
    AUDIT: SystemFault.REGISTRY_READ_ONLY,
    AUTH_CALLOUT: SystemFault.AUTH_CALLOUT_AWAY,
}
"""What the silence of a part means that the gateway does not write of."""


@dataclass(frozen=True, slots=True)
class PartState:
    """One part: `fault` None means that it works; `beat` None that it was never heard of."""

    part: str
    fault: SystemFault | None
    silent: bool = False
    beat: Heartbeat | None = None


@dataclass(frozen=True, slots=True)
class InstallationHealth:
    """The whole: ready unless something keeps it from its work; `roots` need a remedy, all else follows from them."""

    parts: Sequence[PartState]
    roots: Sequence[SystemFault]

    @property
    def ready(self) -> bool:
        """Whether the installation does its work."""
        return HARMLESS.issuperset(self.roots)

    def summary(self, language: Language = "en") -> str:
        """Cause and remedy in one sentence (one for each, where several things are wrong)."""
        return summarise_faults(list(self.roots), language)


def registry_away() -> InstallationHealth:
    """What is known when the heartbeats cannot be read."""
    return InstallationHealth([PartState("registry", SystemFault.REGISTRY_AWAY)], [SystemFault.REGISTRY_AWAY])


def assess_health(beats: Sequence[Heartbeat], now_us: int) -> InstallationHealth:
    """State of all parts. `beats` in any order; the gateway's come together, so that its silence is that of all."""
    awaited: Sequence[str] = next((beat.detail.get(AWAITED, ()) for beat in beats if beat.part == "gateway"), ())
    present = [beat for beat in beats if beat.part in awaited or not _past(beat, beats, now_us)]
    parts = [_state(beat, now_us) for beat in present]
    heard = {beat.part.partition("/")[0] for beat in present if beat.part != SECOND}
    parts += [PartState(name, _BY_PART[name], silent=True) for name in (*REQUIRED, *awaited) if name not in heard]
    return InstallationHealth(parts, root_causes(frozenset(state.fault for state in parts if state.fault is not None)))


def _past(beat: Heartbeat, beats: Sequence[Heartbeat], now_us: int) -> bool:
    """Tell a part that an older version had, a second gateway, or an auth callout of another broker: gone."""
    if beat.part in {SECOND, AUTH_CALLOUT}:
        return _is_silent(beat, now_us)
    writer = API if beat.part == AUDIT else "gateway"
    newest = next((other for other in beats if other.part == writer), beat)
    return beat.part not in {API, "gateway"} and _is_silent(beat, newest.at_us)


def _is_silent(beat: Heartbeat, now_us: int) -> bool:
    return now_us - beat.at_us > STALE_S * SECOND_US


def _state(beat: Heartbeat, now_us: int) -> PartState:
    if _is_silent(beat, now_us):
        fault = _SILENT.get(beat.part, SystemFault.GATEWAY_DEAD)
        return PartState(beat.part, fault, silent=True, beat=beat)
    return PartState(beat.part, None if beat.ok else _told(beat), beat=beat)


def _told(beat: Heartbeat) -> SystemFault:
    try:
        return SystemFault(beat.detail.get("fault") or "")
    except ValueError:
        return _BY_PART.get(beat.part) or _BY_PART.get(beat.part.partition("/")[0], SystemFault.LOOP_DEAD)
