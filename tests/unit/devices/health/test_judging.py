"""From heartbeats to cause and remedy, as a table."""

from typing import Any

import pytest

from devices.health.faults import Fault
from devices.health.judging import API, AUDIT, AWAITED, DOOR, STALE_S, judge, registry_away
from devices.instants import SECOND_US
from devices.ports.books import Heartbeat

NOW_US = 1_790_000_000 * SECOND_US
PARTS = (
    "gateway", "receiver", "broker", "journal/control", "journal/telemetry", "store", "scheduler", "canary",
    "loop/effects", "loop/store",
)  # fmt: skip
OLD_US = NOW_US - (STALE_S + 1) * SECOND_US


def beat(part: str, fault: Fault | None = None, at_us: int = NOW_US, *, ok: bool | None = None) -> Heartbeat:
    detail: dict[str, Any] = {"fault": fault}
    return Heartbeat(part, at_us, fault is None if ok is None else ok, None, detail)


def beats(**faults: Fault) -> list[Heartbeat]:
    """All parts; those named (`loop_store` for `loop/store`) have this fault."""
    return [beat(part, faults.get(part.replace("/", "_"))) for part in PARTS]


CASES: dict[str, tuple[dict[str, Fault], list[Fault], str]] = {
    "nothing": ({}, [], "Everything works."),
    "broker away": (
        {"broker": Fault.BROKER_AWAY, "canary": Fault.CANARY_LOST},
        [Fault.BROKER_AWAY],
        "The MQTT broker does not answer: start it or correct broker.url.",
    ),
    "broker refuses": (
        {"broker": Fault.BROKER_REFUSES, "canary": Fault.CANARY_LOST},
        [Fault.BROKER_REFUSES],
        "The MQTT broker refuses the gateway or its subscriptions",
    ),
    "store away until the journal is full and the socket left unread": (
        {
            "store": Fault.STORE_AWAY,
            "loop_store": Fault.STORE_AWAY,
            "journal_telemetry": Fault.JOURNAL_FULL,
            "broker": Fault.BROKER_AWAY,
            "canary": Fault.CANARY_LOST,
        },
        [Fault.STORE_AWAY],
        "The telemetry store does not answer",
    ),
    "token revoked": (
        {"store": Fault.STORE_TOKEN, "loop_store": Fault.STORE_TOKEN, "canary": Fault.STORE_TOKEN},
        [Fault.STORE_TOKEN],
        "InfluxDB does not accept the token",
    ),
    "token may only read": (
        {"store": Fault.STORE_FORBIDDEN, "canary": Fault.CANARY_LOST},
        [Fault.STORE_FORBIDDEN],
        "The token may not write in InfluxDB",
    ),
    "bucket gone": (
        {"store": Fault.STORE_PLACE_MISSING},
        [Fault.STORE_PLACE_MISSING],
        "InfluxDB does not know the organisation or a bucket",
    ),
    "journal full though the store answers": (
        {"journal_telemetry": Fault.JOURNAL_FULL},
        [Fault.JOURNAL_FULL],
        "The journal is full or nearly so",
    ),
    "journal cannot be written": (
        {"journal_control": Fault.JOURNAL_BROKEN, "canary": Fault.CANARY_LOST},
        [Fault.JOURNAL_BROKEN],
        "The journal cannot be written",
    ),
    "disk full": (
        {"journal_telemetry": Fault.DISK_FULL, "journal_control": Fault.DISK_FULL, "canary": Fault.CANARY_LOST},
        [Fault.DISK_FULL],
        "The disk of the data directory is full",
    ),
    "a loop hangs": (
        {"loop_effects": Fault.LOOP_STUCK, "canary": Fault.CANARY_LOST},
        [Fault.LOOP_STUCK],
        "A thread of the gateway hangs",
    ),
    "a loop died": (
        {"loop_effects": Fault.LOOP_DEAD, "canary": Fault.CANARY_LOST},
        [Fault.LOOP_DEAD],
        "A thread of the gateway ended with an error",
    ),
    "receiver hangs": (
        {"receiver": Fault.RECEIVER_SILENT, "canary": Fault.CANARY_LOST},
        [Fault.RECEIVER_SILENT],
        "The process that receives telemetry hangs",
    ),
    "scheduler dead": ({"scheduler": Fault.SCHEDULER_DEAD}, [Fault.SCHEDULER_DEAD], "The scheduler has stopped"),
    "canary not seen": ({"canary": Fault.CANARY_LOST}, [Fault.CANARY_LOST], "A message that the gateway sends to"),
    "two things at once": (
        {"broker": Fault.BROKER_AWAY, "store": Fault.STORE_TOKEN, "canary": Fault.CANARY_LOST},
        [Fault.STORE_TOKEN, Fault.BROKER_AWAY],
        "InfluxDB does not accept the token",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_facts_lead_to_one_cause_and_its_remedy(case: str) -> None:
    faults, roots, sentence = CASES[case]
    health = judge(beats(**faults), NOW_US)
    assert (list(health.roots), health.ready) == (roots, not roots)
    assert health.summary().startswith(sentence)
    assert len(health.summary("de")) > 10


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_facts_does_not_matter(order: int) -> None:
    found = beats(store=Fault.STORE_AWAY, canary=Fault.CANARY_LOST, broker=Fault.BROKER_AWAY)[::order]
    assert list(judge(found, NOW_US).roots) == [Fault.STORE_AWAY, Fault.BROKER_AWAY]


def test_a_silent_gateway_is_dead_whatever_its_last_words_were() -> None:
    last_words = [beat(part, Fault.STORE_AWAY if part == "store" else None, OLD_US) for part in PARTS]
    health = judge([*last_words, beat("api")], NOW_US)
    assert list(health.roots) == [Fault.GATEWAY_DEAD]
    assert health.summary().startswith("The gateway does not run or hangs: start it again")
    assert all(state.silent for state in health.parts if state.part != "api")


def test_a_gateway_never_heard_of_is_dead() -> None:
    assert list(judge([], NOW_US).roots) == [Fault.GATEWAY_DEAD]


def test_a_part_of_an_older_version_is_forgotten() -> None:
    health = judge([*beats(), beat("loop/of-old", Fault.LOOP_DEAD, OLD_US)], NOW_US)
    assert health.ready
    assert "loop/of-old" not in {state.part for state in health.parts}


def test_an_api_that_cannot_write_explains_the_gateways_silence() -> None:
    silent = [beat(part, at_us=OLD_US) for part in PARTS]
    assert list(judge([*silent, beat("api", at_us=OLD_US)], NOW_US).roots) == [Fault.REGISTRY_READ_ONLY]
    assert list(judge([*beats(), beat("api", at_us=OLD_US)], NOW_US).roots) == [Fault.REGISTRY_READ_ONLY]


def awaiting_a_door(at_us: int = NOW_US) -> list[Heartbeat]:
    rest = [beat(part, at_us=at_us) for part in PARTS[1:]]
    return [*rest, Heartbeat("gateway", at_us, ok=True, last_success_us=None, detail={AWAITED: [DOOR]})]


@pytest.mark.parametrize(
    "door", [[], [beat(DOOR, at_us=OLD_US)], [beat(DOOR, Fault.DOOR_AWAY)], [beat(DOOR, Fault.DOOR_AWAY, OLD_US)]]
)
def test_a_door_that_should_be_there_is_missed(door: list[Heartbeat]) -> None:
    health = judge([*awaiting_a_door(), *door], NOW_US)
    assert (list(health.roots), health.ready) == ([Fault.DOOR_AWAY], False)
    assert "no device can connect anew: start it again" in health.summary()
    assert judge([*awaiting_a_door(), beat(DOOR)], NOW_US).ready


def test_a_door_of_another_broker_is_forgotten() -> None:
    health = judge([*beats(), beat(DOOR, at_us=OLD_US)], NOW_US)
    assert health.ready
    assert DOOR not in {state.part for state in health.parts}


def test_a_door_cannot_reach_a_broker_that_is_away() -> None:
    found = [beat(part, Fault.BROKER_AWAY if part == "broker" else None) for part in PARTS]
    assert list(judge([*found, beat(DOOR, Fault.DOOR_AWAY)], NOW_US).roots) == [Fault.BROKER_AWAY]


def test_a_door_that_is_away_is_no_matter_of_the_gateway() -> None:
    found = [*awaiting_a_door(OLD_US), beat(API), beat(DOOR, Fault.DOOR_AWAY)]
    assert list(judge(found, NOW_US).roots) == [Fault.GATEWAY_DEAD, Fault.DOOR_AWAY]


def test_an_audit_log_that_cannot_be_written_is_named_while_the_api_runs() -> None:
    broken = [*beats(), beat(API), beat(AUDIT, ok=False)]
    assert list(judge(broken, NOW_US).roots) == [Fault.AUDIT_BROKEN]
    assert list(judge([*beats(), beat(API), beat(AUDIT, Fault.AUDIT_BROKEN, OLD_US)], NOW_US).roots) == []
    silent = [*beats(), beat(API, at_us=OLD_US), beat(AUDIT, at_us=OLD_US)]
    assert list(judge(silent, NOW_US).roots) == [Fault.REGISTRY_READ_ONLY]


def test_a_disk_known_to_be_full_explains_a_registry_that_cannot_be_written() -> None:
    found = [*beats(journal_telemetry=Fault.DISK_FULL), beat("api", at_us=OLD_US)]
    assert list(judge(found, NOW_US).roots) == [Fault.DISK_FULL]


def test_a_registry_that_does_not_answer_is_all_that_is_known() -> None:
    assert registry_away().summary().startswith("The registry database does not answer: start PostgreSQL")


def test_a_refused_second_gateway_counts_while_it_tries() -> None:
    second = beat("gateway/second", Fault.SECOND_GATEWAY)
    assert list(judge([*beats(), second], NOW_US).roots) == [Fault.SECOND_GATEWAY]
    gone = beat("gateway/second", Fault.SECOND_GATEWAY, OLD_US)
    assert judge([*beats(), gone], NOW_US).ready
    assert list(judge([gone], NOW_US).roots) == [Fault.GATEWAY_DEAD]


@pytest.mark.parametrize("detail", [{}, {"fault": "of a newer version"}, {"fault": None}])
def test_a_part_that_does_not_say_what_is_wrong_has_the_fault_of_its_name(detail: dict[str, Any]) -> None:
    others = [b for b in beats() if b.part != "journal/control"]
    health = judge(
        [*others, Heartbeat("journal/control", NOW_US, ok=False, last_success_us=None, detail=detail)], NOW_US
    )
    assert list(health.roots) == [Fault.JOURNAL_FULL]
