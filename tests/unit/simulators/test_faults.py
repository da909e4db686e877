"""Faults are drawn from one seeded source and leave a mark."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.device import OutgoingReport
from simulators.envelope_sender import EnvelopeSender, WireMessage
from simulators.faults import GARBAGE, FaultStage
from simulators.options import FaultOptions

SHARE = st.floats(0, 1)


def wires(number: int) -> list[WireMessage]:
    sender = EnvelopeSender(device_id="d", kind="k", tenant_id="t", boot_id="b")
    return [sender.wire(OutgoingReport("telemetry", {"x": n}, n)) for n in range(number)]


def through(options: FaultOptions, sent: list[WireMessage], seed: int = 1) -> list[WireMessage]:
    stage = FaultStage(options, random.Random(seed))
    return [out for wire in sent for out in stage.on_wire(wire)] + stage.flush()


def seqs(sent: list[WireMessage]) -> list[int]:
    return [w.identities[0].seq for w in sent]


def test_without_faults_nothing_changes() -> None:
    assert through(FaultOptions(), wires(50)) == wires(50)


@given(drop=SHARE, duplicate=SHARE, reorder=SHARE, seed=st.integers())
def test_every_message_comes_out_or_is_marked_as_dropped(
    drop: float, duplicate: float, reorder: float, seed: int
) -> None:
    out = through(FaultOptions(drop=drop, duplicate=duplicate, reorder=reorder), wires(60), seed)
    once = [w for w in out if "duplicate" not in w.faults]
    assert sorted(seqs(once)) == list(range(60))
    assert len(out) - len(once) <= 60


def test_the_same_seed_gives_the_same_faults() -> None:
    options = FaultOptions(drop=0.2, duplicate=0.2, reorder=0.2, garbage=0.2)
    assert through(options, wires(100), 7) == through(options, wires(100), 7)
    assert through(options, wires(100), 7) != through(options, wires(100), 8)


def test_faults_come_as_often_as_asked() -> None:
    out = through(FaultOptions(drop=0.1, duplicate=0.1), wires(5000))
    counts = Counter(fault for w in out for fault in w.faults)
    assert counts["drop"] == pytest.approx(500, rel=0.2)
    assert counts["duplicate"] == pytest.approx(450, rel=0.2)


def test_reordered_messages_are_overtaken_by_a_few_only() -> None:
    out = seqs(through(FaultOptions(reorder=0.2), wires(500)))
    assert out != sorted(out)
    assert max(position - seq for position, seq in enumerate(out)) <= 10


def test_info_and_status_are_never_touched() -> None:
    info = WireMessage("d", "t", b"{}", "info", retained=True)
    assert through(FaultOptions(drop=1, garbage=1), [info]) == [info]


@pytest.mark.parametrize("spoil", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_differs_from_what_was_meant(spoil: Any) -> None:
    payload = wires(1)[0].payload
    assert spoil(payload) != payload


def test_reset_counters_start_again_and_go_on_rising() -> None:
    stage = FaultStage(FaultOptions(reset_counters=0.1), random.Random(3))
    said = [
        stage.on_body(
            OutgoingReport(
                "telemetry", {"energy_wh": 1000.0 + n, "in_octets": str(5000 + n), "power_w": 7.0, "odd_count": None}, n
            )
        )
        for n in range(100)
    ]
    energy = [m.body["energy_wh"] for m in said]
    falls = [n for n in range(1, 100) if energy[n] < energy[n - 1]]
    assert falls
    assert all(energy[n] in {energy[n - 1] + 1, 1.0} for n in range(1, 100))
    assert all(isinstance(m.body["in_octets"], str) for m in said)
    assert {m.body["power_w"] for m in said} == {7.0}
