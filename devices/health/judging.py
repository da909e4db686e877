"""Pure judgement: heartbeats and the present in, the state of each part and of the whole out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devices.health.faults import HARMLESS, Fault, roots
from devices.health.sentences import Language, summary
from devices.instants import SECOND_US
from devices.ports.books import Heartbeat

STALE_S: Final = 20
"""Parts beat every 2 s. Silence is a fault well before the 60 s within which every fault must be seen."""
REQUIRED: Final = ("gateway", "broker", "journal", "store", "scheduler", "canary")
API: Final = "api"
"""The API's own beat: proves that it can write the registry, and that it runs."""
AUDIT: Final = "audit"
"""Written by the API too: proves that it can put on record what people do."""
DOOR: Final = "door"
"""Written by what lets devices in at a nats-server."""
AWAITED: Final = "awaited"
"""Detail of the gateway's beat: parts that are to be there by its settings, although another process writes of them."""
SECOND: Final = "gateway/second"
"""Written by a gateway that was refused; counts while it is fresh."""
_BY_PART: Final[Mapping[str, Fault]] = {
    "registry": Fault.REGISTRY_AWAY,
    API: Fault.REGISTRY_READ_ONLY,
    AUDIT: Fault.AUDIT_BROKEN,
    DOOR: Fault.DOOR_AWAY,
    "process": Fault.PROCESS_DIES,
    "gateway": Fault.GATEWAY_DEAD,
    SECOND: Fault.SECOND_GATEWAY,
    "broker": Fault.BROKER_AWAY,
    "journal": Fault.JOURNAL_FULL,
    "store": Fault.STORE_AWAY,
    "scheduler": Fault.SCHEDULER_DEAD,
    "canary": Fault.CANARY_LOST,
    "notifications": Fault.NOTIFICATION_FAILED,
    "loop": Fault.LOOP_DEAD,
}
"""What is wrong with a part that does not say so itself; by its name, or what stands before the slash."""

_SILENT: Final[Mapping[str, Fault]] = {
    API: Fault.REGISTRY_READ_ONLY,
    AUDIT: Fault.REGISTRY_READ_ONLY,
    DOOR: Fault.DOOR_AWAY,
}
"""What the silence of a part means that the gateway does not write of."""


@dataclass(frozen=True, slots=True)
class PartState:
    """One part: `fault` None means that it works; `beat` None that it was never heard of."""

    part: str
    fault: Fault | None
    silent: bool = False
    beat: Heartbeat | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The whole: ready unless something keeps it from its work; `roots` need a remedy, all else follows from them."""

    parts: Sequence[PartState]
    roots: Sequence[Fault]

    @property
    def ready(self) -> bool:
        """Whether the installation does its work."""
        return HARMLESS.issuperset(self.roots)

    def summary(self, language: Language = "en") -> str:
        """Cause and remedy in one sentence (one for each, where several things are wrong)."""
        return summary(list(self.roots), language)


def registry_away() -> Health:
    """What is known when the heartbeats cannot be read."""
    return Health([PartState("registry", Fault.REGISTRY_AWAY)], [Fault.REGISTRY_AWAY])


def judge(beats: Sequence[Heartbeat], now_us: int) -> Health:
    """State of all parts. `beats` in any order; the gateway's come together, so that its silence is that of all."""
    awaited: Sequence[str] = next((beat.detail.get(AWAITED, ()) for beat in beats if beat.part == "gateway"), ())
    present = [beat for beat in beats if beat.part in awaited or not _past(beat, beats, now_us)]
    parts = [_state(beat, now_us) for beat in present]
    heard = {beat.part.partition("/")[0] for beat in present if beat.part != SECOND}
    parts += [PartState(name, _BY_PART[name], silent=True) for name in (*REQUIRED, *awaited) if name not in heard]
    return Health(parts, roots(frozenset(state.fault for state in parts if state.fault is not None)))


def _past(beat: Heartbeat, beats: Sequence[Heartbeat], now_us: int) -> bool:
    """Tell a part that an older version had, and a second gateway, or a door of another broker, that is gone."""
    if beat.part in {SECOND, DOOR}:
        return _is_silent(beat, now_us)
    writer = API if beat.part == AUDIT else "gateway"
    newest = next((other for other in beats if other.part == writer), beat)
    return beat.part not in {API, "gateway"} and _is_silent(beat, newest.at_us)


def _is_silent(beat: Heartbeat, now_us: int) -> bool:
    return now_us - beat.at_us > STALE_S * SECOND_US


def _state(beat: Heartbeat, now_us: int) -> PartState:
    if _is_silent(beat, now_us):
        fault = _SILENT.get(beat.part, Fault.GATEWAY_DEAD)
        return PartState(beat.part, fault, silent=True, beat=beat)
    return PartState(beat.part, None if beat.ok else _told(beat), beat=beat)


def _told(beat: Heartbeat) -> Fault:
    try:
        return Fault(beat.detail.get("fault") or "")
    except ValueError:
        return _BY_PART.get(beat.part) or _BY_PART.get(beat.part.partition("/")[0], Fault.LOOP_DEAD)
