"""Whatever is done to a chain, the first bad entry is named."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.audit.entry import AuditEntry
from application.audit.verification import AuditFault, verify_chain, verify_each
from tests.unit.application.audit.making import SIGNER, STRANGER, anchor, chain_of, deed, saying, sealed

Chain = list[AuditEntry]
CHAIN = chain_of(8)
ANCHORS = [anchor(CHAIN[2]), anchor(CHAIN[7])]


def renumbered(entries: Chain) -> Chain:
    return [replace(e, seq=n) for n, e in enumerate(entries, 1)]


def test_an_untouched_chain_is_good() -> None:
    verdict = verify_chain(CHAIN, SIGNER, ANCHORS)
    assert (verdict.finding, verdict.entries, verdict.last, verdict.anchors) == (None, 8, CHAIN[7], 2)
    assert verify_chain([], SIGNER, []).finding is None


def test_closed_entries_keep_the_chain_whole() -> None:
    some = [e.closed if e.seq in {1, 4, 5, 8} else e for e in CHAIN]
    verdict = verify_chain(some, SIGNER, ANCHORS)
    assert (verdict.finding, verdict.entries, verdict.closed) == (None, 8, 4)
    assert verify_chain(some[:4] + some[5:], SIGNER, ANCHORS).finding is not None


ALTERATIONS: dict[str, tuple[Callable[[Chain], Chain], int, AuditFault]] = {
    "another detail": (lambda c: [*c[:4], saying(c[4], detail={"level_pct": 99}), *c[5:]], 5, AuditFault.CHANGED),
    "another actor": (lambda c: [*c[:4], saying(c[4], actor="user:otto"), *c[5:]], 5, AuditFault.CHANGED),
    "another time": (lambda c: [*c[:4], replace(c[4], at_us=1), *c[5:]], 5, AuditFault.CHANGED),
    "another mac": (lambda c: [*c[:4], sealed(c[4], mac="0" * 64), *c[5:]], 5, AuditFault.CHANGED),
    "another previous": (lambda c: [*c[:4], sealed(c[4], previous="0" * 64), *c[5:]], 5, AuditFault.CHANGED),
    "deleted": (lambda c: c[:4] + c[5:], 5, AuditFault.DELETED),
    "the first deleted": (lambda c: c[1:], 1, AuditFault.DELETED),
    "several deleted": (lambda c: c[:2] + c[6:], 3, AuditFault.DELETED),
    "deleted and numbered anew": (lambda c: renumbered(c[:4] + c[5:]), 5, AuditFault.DELETED),
    "swapped": (lambda c: [*c[:3], c[4], c[3], *c[5:]], 5, AuditFault.REORDERED),
    "swapped and numbered anew": (lambda c: renumbered([*c[:3], c[4], c[3], *c[5:]]), 4, AuditFault.REORDERED),
    "moved to the end": (lambda c: c[:2] + c[3:] + [c[2]], 4, AuditFault.REORDERED),
    "a copy": (lambda c: [*c[:5], c[2], *c[5:]], 3, AuditFault.INSERTED),
    "an invention": (lambda c: [*c[:4], STRANGER.seal(c[3], deed()), *c[4:]], 5, AuditFault.INSERTED),
    "an invention from afar": (lambda c: [*c[:4], replace(c[3], seq=77), *c[4:]], 77, AuditFault.INSERTED),
    "one sealed by a stranger": (lambda c: [*c[:4], STRANGER.seal(c[3], deed()), *c[5:]], 5, AuditFault.FORGED),
    "all sealed by a stranger": (lambda c: chain_of(len(c), STRANGER), 1, AuditFault.FORGED),
    "the end sealed anew": (lambda c: [*c[:7], SIGNER.seal(c[6], deed(99))], 8, AuditFault.FORGED),
    "cut": (lambda c: c[:6], 7, AuditFault.CUT),
    "all cut": (lambda _: [], 1, AuditFault.CUT),
}


@pytest.mark.parametrize("how", ALTERATIONS)
def test_the_first_bad_entry_is_named(how: str) -> None:
    alter, seq, fault = ALTERATIONS[how]
    finding = verify_chain(alter(CHAIN), SIGNER, ANCHORS).finding
    assert finding is not None
    assert (finding.seq, finding.fault) == (seq, fault)
    assert f"ntry {seq} " in finding.sentence


@given(st.data())
def test_no_change_of_order_or_number_passes(data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, 7), max_size=12))
    altered = [CHAIN[p] for p in places]
    verdict = verify_chain(altered, SIGNER, ANCHORS)
    assert (verdict.finding is None) == (altered == CHAIN)


def test_a_selection_is_genuine_or_not_entry_by_entry() -> None:
    some = [CHAIN[1], CHAIN[5], CHAIN[3].closed]
    assert verify_each(some, SIGNER).finding is None
    changed = verify_each([CHAIN[1], saying(CHAIN[5], result="forbidden")], SIGNER).finding
    assert changed is not None
    assert (changed.seq, changed.fault) == (6, AuditFault.CHANGED)
    assert verify_each(some, STRANGER).finding is not None


def test_a_chain_without_its_anchors_is_not_proved() -> None:
    finding = verify_chain(CHAIN, SIGNER, [], anchored=True).finding
    assert finding is not None
    assert (finding.fault, finding.seq) == (AuditFault.UNANCHORED, len(CHAIN))
    assert verify_chain([], SIGNER, [], anchored=True).finding is None
    assert verify_chain(CHAIN, SIGNER, ANCHORS, anchored=True).finding is None
