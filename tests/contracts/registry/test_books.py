"""Dead letters, ledger, gaps, positions, heartbeats."""

from dataclasses import replace

import pytest

from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetters
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.message_ledger import LedgerLine, MessageLedger
from application.ports.registry import Registry
from devices.errors import Conflict, NotFound
from tests.contracts.registry.making import gap, in_threads, letter


def test_a_dead_letter_keeps_its_bytes_and_stays_as_first_added(registry: Registry) -> None:
    first = letter("l-1", tenant_id=None, kind=None, device_id=None, retained=True, qos=0)
    with registry.write() as tx:
        tx.get(DeadLetters).add([first, letter("l-2", payload=None)])
        tx.get(DeadLetters).add([letter("l-1", reason="other"), letter("l-3")])
        tx.get(DeadLetters).add([])
        assert tx.get(DeadLetters).get("l-1") == first
        assert tx.get(DeadLetters).get("l-2").payload is None
        assert tx.get(DeadLetters).get("l-3") == letter("l-3")
        with pytest.raises(NotFound):
            tx.get(DeadLetters).get("l-4")


def test_details_that_no_database_takes_are_escaped(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(DeadLetters).add([letter("l-1", detail="a\x00b\ud800")])
        assert tx.get(DeadLetters).get("l-1").detail == "a\\0b\\ud800"


def test_dead_letters_are_listed_newest_first_and_filtered(registry: Registry) -> None:
    with registry.write() as tx:
        letters = tx.get(DeadLetters)
        letters.add(
            [letter("a", received_us=1), letter("b", received_us=2, kind=None, tenant_id=None, reason="bad_topic")]
        )
        letters.add([letter("c", received_us=3, device_id="c-2", kind="fire_drone"), letter("d", received_us=3)])
        assert [x.letter_id for x in letters.find().items] == ["d", "c", "b", "a"]
        assert [x.letter_id for x in letters.find(kinds={"streetlight"}).items] == ["d", "a"]
        assert [x.letter_id for x in letters.find(tenant_ids={"kl"}).items] == ["d", "c", "a"]
        assert [x.letter_id for x in letters.find(device_id="c-2").items] == ["c"]
        assert [x.letter_id for x in letters.find(reason="bad_topic").items] == ["b"]
        page = letters.find(limit=3)
        letters.add([letter("e", received_us=9)])
        assert [x.letter_id for x in letters.find(limit=3, cursor=page.next_cursor).items] == ["a"]


def test_a_replay_is_asked_for_and_done_once(registry: Registry) -> None:
    with registry.write() as tx:
        letters = tx.get(DeadLetters)
        letters.add([letter("l-1"), letter("l-2"), letter("l-3", payload=None)])
        letters.request_replay("l-1")
        letters.request_replay("l-1")
        with pytest.raises(NotFound):
            letters.request_replay("nothing")
        with pytest.raises(Conflict):
            letters.request_replay("l-3")
        assert letters.replays() == [letter("l-1")]
        letters.mark_replayed(["l-1"], 99)
        assert letters.replays() == []
        assert letters.get("l-1") == replace(letter("l-1"), replayed_us=99)
        letters.request_replay("l-1")
        assert [x.letter_id for x in letters.replays()] == ["l-1"]


def test_the_ledger_adds_up(registry: Registry) -> None:
    with registry.write() as tx:
        ledger = tx.get(MessageLedger)
        ledger.count({("streetlight", "messages", "received"): 5, ("streetlight", "messages", "accepted"): 4})
        ledger.count({("streetlight", "messages", "received"): 2, ("-", "messages", "dead_letter"): 1})
        ledger.count({("streetlight", "messages", "stored"): 3, ("streetlight", "samples", "accepted"): 9})
        ledger.count({})
        with pytest.raises(ValueError, match="nonsense"):
            ledger.count({("streetlight", "messages", "nonsense"): 1})
        assert ledger.lines() == [
            LedgerLine("-", "messages", dead_letter=1),
            LedgerLine("streetlight", "messages", received=7, stored=3, in_journal=1),
            LedgerLine("streetlight", "samples", in_journal=9),
        ]


def test_no_count_is_lost_between_writers(registry: Registry) -> None:
    keys = [("streetlight", "messages", "received"), ("streetlight", "messages", "accepted")]

    def work() -> None:
        for turn in range(10):
            with registry.write() as tx:
                tx.get(MessageLedger).count(dict.fromkeys(keys if turn % 2 else reversed(keys), 3))

    in_threads([work] * 6)
    with registry.read() as tx:
        assert tx.get(MessageLedger).lines() == [LedgerLine("streetlight", "messages", received=180, in_journal=180)]


def test_what_is_missing_of_many_is_summed_however_much_it_is(registry: Registry) -> None:
    most = 2**63 - 2
    with registry.write() as tx:
        tx.get(MessageLedger).put_gaps([gap(f"c-{n}", last_seq=most + 1, received=2, missing=most) for n in range(3)])
        assert tx.get(MessageLedger).missing() == pytest.approx(3 * most)


def test_a_device_that_invents_boots_makes_no_rows_without_end(registry: Registry) -> None:
    with registry.write() as tx:
        ledger = tx.get(MessageLedger)
        ledger.put_gaps([gap("other", missing=5, at_us=1)])
        for number in range(200):
            ledger.put_gaps([gap("c-1", boot_id=f"b{number}", missing=2, at_us=number)])
        found = ledger.gaps(device_id="c-1")
        assert len(found) <= 33
        assert [g.boot_id for g in found[:16]] == [f"b{number}" for number in range(199, 183, -1)], "the newest stay"
        assert [g.missing for g in found if not g.boot_id] == [2 * (200 - len(found) + 1)]
        assert ledger.missing() == 200 * 2 + 5, "nothing that is missing is forgotten"
        ledger.put_gaps([gap("c-1", boot_id=f"m{number}", missing=2**62, at_us=300 + number) for number in range(40)])
        assert len(ledger.gaps(device_id="c-1")) == 17


def test_a_devices_letters_are_counted_since_an_instant(registry: Registry) -> None:
    with registry.write() as tx:
        letters = tx.get(DeadLetters)
        letters.add([letter("a", received_us=10), letter("b", received_us=20), letter("c", device_id=None)])
        assert letters.kept_since("c-1", 10) == (2, 4)
        assert letters.kept_since("c-1", 11) == (1, 2)
        assert letters.kept_since(None, 0)[0] == 1
        assert letters.kept_since("nobody", 0) == (0, 0)


def test_gaps_are_replaced_and_only_listed_while_something_is_missing(registry: Registry) -> None:
    with registry.write() as tx:
        ledger = tx.get(MessageLedger)
        assert ledger.missing() == 0
        ledger.put_gaps([gap("c-1", at_us=1), gap("c-2", at_us=2, kind="fire_drone"), gap("c-3", at_us=3)])
        ledger.put_gaps([gap("c-3", missing=0, at_us=4), gap("c-1", boot_id="b2", at_us=5, last_seq=2**62)])
        assert ledger.gaps() == [
            gap("c-1", boot_id="b2", at_us=5, last_seq=2**62),
            gap("c-2", at_us=2, kind="fire_drone"),
            gap("c-1", at_us=1),
        ]
        assert ledger.missing() == 6
        assert [g.device_id for g in ledger.gaps(kinds={"fire_drone"})] == ["c-2"]
        assert [g.boot_id for g in ledger.gaps(device_id="c-1", limit=1)] == ["b2"]


def test_positions_begin_at_zero(registry: Registry) -> None:
    with registry.write() as tx:
        positions = tx.get(CursorPositions)
        assert positions.get("effects/telemetry") == 0
        positions.set("effects/telemetry", 5)
        positions.set("effects/telemetry", 6)
        positions.set("store/telemetry", 2)
        assert (positions.get("effects/telemetry"), positions.get("store/telemetry")) == (6, 2)


def test_heartbeats_are_replaced_by_part(registry: Registry) -> None:
    beats = [
        Heartbeat("store", 5, ok=True, last_success_us=5, detail={"queue": 0}),
        Heartbeat("broker", 6, ok=False, last_success_us=None, detail={}),
    ]
    with registry.write() as tx:
        tx.get(HeartbeatRepository).put(beats)
        tx.get(HeartbeatRepository).put([replace(beats[0], at_us=9, ok=False)])
        assert tx.get(HeartbeatRepository).all() == [beats[1], replace(beats[0], at_us=9, ok=False)]
