"""From heartbeats to cause and remedy, as a table."""

from typing import Any

import pytest

from application.health.assessment import API, AUDIT, AUTH_CALLOUT, AWAITED, STALE_S, assess_health, registry_away
from application.health.faults import SystemFault
from application.ports.heartbeats import Heartbeat
from devices.time_us import SECOND_US

NOW_US = 1_790_000_000 * SECOND_US
PARTS = (
    "gateway", "receiver", "broker", "journal/control", "journal/telemetry", "store", "scheduler", "canary",
    "loop/effects", "loop/store",
)  # fmt: skip
OLD_US = NOW_US - (STALE_S + 1) * SECOND_US


def beat(part: str, fault: SystemFault | None = None, at_us: int = NOW_US, *, ok: bool | None = None) -> Heartbeat:
    detail: dict[str, Any] = {"fault": fault}
    return Heartbeat(part, at_us, fault is None if ok is None else ok, None, detail)


def beats(**faults: SystemFault) -> list[Heartbeat]:
    """All parts; those named (`loop_store` for `loop/store`) have this fault."""
    return [beat(part, faults.get(part.replace("/", "_"))) for part in PARTS]


CASES: dict[str, tuple[dict[str, SystemFault], list[SystemFault], str]] = {
    "nothing": ({}, [], "Everything works."),
    "broker away": (
        {"broker": SystemFault.BROKER_AWAY, "canary": SystemFault.CANARY_LOST},
        [SystemFault.BROKER_AWAY],
        "The MQTT broker does not answer: start it or correct broker.url.",
    ),
    "broker refuses": (
        {"broker": SystemFault.BROKER_REFUSES, "canary": SystemFault.CANARY_LOST},
        [SystemFault.BROKER_REFUSES],
        "The MQTT broker refuses the gateway or its subscriptions",
    ),
    "store away until the journal is full and the socket left unread": (
        {
            "store": SystemFault.STORE_AWAY,
            "loop_store": SystemFault.STORE_AWAY,
            "journal_telemetry": SystemFault.JOURNAL_FULL,
            "broker": SystemFault.BROKER_AWAY,
            "canary": SystemFault.CANARY_LOST,
        },
        [SystemFault.STORE_AWAY],
        "The telemetry store does not answer",
    ),
    "token revoked": (
        {"store": SystemFault.STORE_TOKEN, "loop_store": SystemFault.STORE_TOKEN, "canary": SystemFault.STORE_TOKEN},
        [SystemFault.STORE_TOKEN],
        "InfluxDB does not accept the token",
    ),
    "token may only read": (
        {"store": SystemFault.STORE_FORBIDDEN, "canary": SystemFault.CANARY_LOST},
        [SystemFault.STORE_FORBIDDEN],
        "The token may not write in InfluxDB",
    ),
    "bucket gone": (
        {"store": SystemFault.STORE_PLACE_MISSING},
        [SystemFault.STORE_PLACE_MISSING],
        "InfluxDB does not know the organisation or a bucket",
    ),
    "journal full though the store answers": (
        {"journal_telemetry": SystemFault.JOURNAL_FULL},
        [SystemFault.JOURNAL_FULL],
        "The journal is full or nearly so",
    ),
    "journal cannot be written": (
        {"journal_control": SystemFault.JOURNAL_BROKEN, "canary": SystemFault.CANARY_LOST},
        [SystemFault.JOURNAL_BROKEN],
        "The journal cannot be written",
    ),
    "disk full": (
        {
            "journal_telemetry": SystemFault.DISK_FULL,
            "journal_control": SystemFault.DISK_FULL,
            "canary": SystemFault.CANARY_LOST,
        },
        [SystemFault.DISK_FULL],
        "The disk of the data directory is full",
    ),
    "a loop hangs": (
        {"loop_effects": SystemFault.LOOP_STUCK, "canary": SystemFault.CANARY_LOST},
        [SystemFault.LOOP_STUCK],
        "A thread of the gateway hangs",
    ),
    "a loop died": (
        {"loop_effects": SystemFault.LOOP_DEAD, "canary": SystemFault.CANARY_LOST},
        [SystemFault.LOOP_DEAD],
        "A thread of the gateway ended with an error",
    ),
    "receiver hangs": (
        {"receiver": SystemFault.RECEIVER_SILENT, "canary": SystemFault.CANARY_LOST},
        [SystemFault.RECEIVER_SILENT],
        "The process that receives telemetry hangs",
    ),
    "scheduler dead": (
        {"scheduler": SystemFault.SCHEDULER_DEAD},
        [SystemFault.SCHEDULER_DEAD],
        "The scheduler has stopped",
    ),
    "canary not seen": (
        {"canary": SystemFault.CANARY_LOST},
        [SystemFault.CANARY_LOST],
        "A message that the gateway sends to",
    ),
    "two things at once": (
        {"broker": SystemFault.BROKER_AWAY, "store": SystemFault.STORE_TOKEN, "canary": SystemFault.CANARY_LOST},
        [SystemFault.STORE_TOKEN, SystemFault.BROKER_AWAY],
        "InfluxDB does not accept the token",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_facts_lead_to_one_cause_and_its_remedy(case: str) -> None:
    faults, roots, sentence = CASES[case]
    health = assess_health(beats(**faults), NOW_US)
    assert (list(health.roots), health.ready) == (roots, not roots)
    assert health.summary().startswith(sentence)
    assert len(health.summary("de")) > 10


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_facts_does_not_matter(order: int) -> None:
    found = beats(store=SystemFault.STORE_AWAY, canary=SystemFault.CANARY_LOST, broker=SystemFault.BROKER_AWAY)[::order]
    assert list(assess_health(found, NOW_US).roots) == [SystemFault.STORE_AWAY, SystemFault.BROKER_AWAY]


def test_a_silent_gateway_is_dead_whatever_its_last_words_were() -> None:
    last_words = [beat(part, SystemFault.STORE_AWAY if part == "store" else None, OLD_US) for part in PARTS]
    health = assess_health([*last_words, beat("api")], NOW_US)
    assert list(health.roots) == [SystemFault.GATEWAY_DEAD]
    assert health.summary().startswith("The gateway does not run or hangs: start it again")
    assert all(state.silent for state in health.parts if state.part != "api")


def test_a_gateway_never_heard_of_is_dead() -> None:
    assert list(assess_health([], NOW_US).roots) == [SystemFault.GATEWAY_DEAD]


def test_a_part_of_an_older_version_is_forgotten() -> None:
    health = assess_health([*beats(), beat("loop/of-old", SystemFault.LOOP_DEAD, OLD_US)], NOW_US)
    assert health.ready
    assert "loop/of-old" not in {state.part for state in health.parts}


def test_an_api_that_cannot_write_explains_the_gateways_silence() -> None:
    silent = [beat(part, at_us=OLD_US) for part in PARTS]
    assert list(assess_health([*silent, beat("api", at_us=OLD_US)], NOW_US).roots) == [SystemFault.REGISTRY_READ_ONLY]
    assert list(assess_health([*beats(), beat("api", at_us=OLD_US)], NOW_US).roots) == [SystemFault.REGISTRY_READ_ONLY]


def awaiting_an_auth_callout(at_us: int = NOW_US) -> list[Heartbeat]:
    rest = [beat(part, at_us=at_us) for part in PARTS[1:]]
    return [*rest, Heartbeat("gateway", at_us, ok=True, last_success_us=None, detail={AWAITED: [AUTH_CALLOUT]})]


@pytest.mark.parametrize(
    "callout",
    [
        [],
        [beat(AUTH_CALLOUT, at_us=OLD_US)],
        [beat(AUTH_CALLOUT, SystemFault.AUTH_CALLOUT_AWAY)],
        [beat(AUTH_CALLOUT, SystemFault.AUTH_CALLOUT_AWAY, OLD_US)],
    ],
)
def test_an_auth_callout_that_should_be_there_is_missed(callout: list[Heartbeat]) -> None:
    health = assess_health([*awaiting_an_auth_callout(), *callout], NOW_US)
    assert (list(health.roots), health.ready) == ([SystemFault.AUTH_CALLOUT_AWAY], False)
    assert "no device can connect anew: start it again" in health.summary()
    assert assess_health([*awaiting_an_auth_callout(), beat(AUTH_CALLOUT)], NOW_US).ready


def test_an_auth_callout_of_another_broker_is_forgotten() -> None:
    health = assess_health([*beats(), beat(AUTH_CALLOUT, at_us=OLD_US)], NOW_US)
    assert health.ready
    assert AUTH_CALLOUT not in {state.part for state in health.parts}


def test_an_auth_callout_cannot_reach_a_broker_that_is_away() -> None:
    found = [beat(part, SystemFault.BROKER_AWAY if part == "broker" else None) for part in PARTS]
    found.append(beat(AUTH_CALLOUT, SystemFault.AUTH_CALLOUT_AWAY))
    assert list(assess_health(found, NOW_US).roots) == [SystemFault.BROKER_AWAY]


def test_an_auth_callout_that_is_away_is_no_matter_of_the_gateway() -> None:
    found = [*awaiting_an_auth_callout(OLD_US), beat(API), beat(AUTH_CALLOUT, SystemFault.AUTH_CALLOUT_AWAY)]
    assert list(assess_health(found, NOW_US).roots) == [SystemFault.GATEWAY_DEAD, SystemFault.AUTH_CALLOUT_AWAY]


def test_an_audit_log_that_cannot_be_written_is_named_while_the_api_runs() -> None:
    broken = [*beats(), beat(API), beat(AUDIT, ok=False)]
    assert list(assess_health(broken, NOW_US).roots) == [SystemFault.AUDIT_BROKEN]
    assert list(assess_health([*beats(), beat(API), beat(AUDIT, SystemFault.AUDIT_BROKEN, OLD_US)], NOW_US).roots) == []
    silent = [*beats(), beat(API, at_us=OLD_US), beat(AUDIT, at_us=OLD_US)]
    assert list(assess_health(silent, NOW_US).roots) == [SystemFault.REGISTRY_READ_ONLY]


def test_a_disk_known_to_be_full_explains_a_registry_that_cannot_be_written() -> None:
    found = [*beats(journal_telemetry=SystemFault.DISK_FULL), beat("api", at_us=OLD_US)]
    assert list(assess_health(found, NOW_US).roots) == [SystemFault.DISK_FULL]


def test_a_registry_that_does_not_answer_is_all_that_is_known() -> None:
    assert registry_away().summary().startswith("The registry database does not answer: start PostgreSQL")


def test_a_refused_second_gateway_counts_while_it_tries() -> None:
    second = beat("gateway/second", SystemFault.SECOND_GATEWAY)
    assert list(assess_health([*beats(), second], NOW_US).roots) == [SystemFault.SECOND_GATEWAY]
    gone = beat("gateway/second", SystemFault.SECOND_GATEWAY, OLD_US)
    assert assess_health([*beats(), gone], NOW_US).ready
    assert list(assess_health([gone], NOW_US).roots) == [SystemFault.GATEWAY_DEAD]


@pytest.mark.parametrize("detail", [{}, {"fault": "of a newer version"}, {"fault": None}])
def test_a_part_that_does_not_say_what_is_wrong_has_the_fault_of_its_name(detail: dict[str, Any]) -> None:
    others = [b for b in beats() if b.part != "journal/control"]
    health = assess_health(
        [*others, Heartbeat("journal/control", NOW_US, ok=False, last_success_us=None, detail=detail)], NOW_US
    )
    assert list(health.roots) == [SystemFault.JOURNAL_FULL]
