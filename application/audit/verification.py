"""Looks through the chain and names the first entry that is not as it was recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from application.audit.entry import ANCHORS_LOST, ERASED, NAMES_OUT, AuditAnchor, AuditEntry
from application.audit.signer import AuditSigner
from devices.wording.catalogue import CodedText


class AuditFault(StrEnum):
    """What is wrong with an entry."""

    CHANGED = "changed"
    DELETED = "deleted"
    REORDERED = "reordered"
    INSERTED = "inserted"
    FORGED = "forged"
    CUT = "cut"
    UNANCHORED = "unanchored"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """The first bad entry."""

    seq: int
    fault: AuditFault
    reason: CodedText

    @property
    def sentence(self) -> str:
        """What is wrong in English words."""
        return self.reason.text()


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What verifying found: that all is well up to `last`, or the first that is not."""

    entries: int
    """Good ones, from the first on."""
    closed: int
    """How many of them showed only their seal."""
    last: AuditEntry | None
    anchors: int
    """How many were met."""
    finding: AuditFinding | None
    lost: tuple[AuditEntry, ...] = ()
    """Entries that say that the anchors were gone: what was cut off before them cannot be told."""


_CODES: Final = {
    AuditFault.CHANGED: "audit_entry_changed",
    AuditFault.DELETED: "audit_entry_deleted",
    AuditFault.REORDERED: "audit_entry_reordered",
    AuditFault.INSERTED: "audit_entry_inserted",
    AuditFault.FORGED: "audit_entry_forged",
}


def verify_chain(
    entries: Iterable[AuditEntry], signer: AuditSigner, anchors: Iterable[AuditAnchor], *, anchored: bool = False
) -> ChainVerdict:
    """Verify a whole chain in the order in which it is kept; both run through once, anchors by rising number.

    `anchored`: there must be an anchor wherever there is an entry.
    """
    walk = _Walk(signer, iter(anchors))
    rows = iter(entries)
    finding = next((f for row in rows if (f := walk.verify_entry(row, rows))), None) or walk.end()
    if finding is None and anchored and walk.good and not walk.met:
        finding = AuditFinding(walk.good, AuditFault.UNANCHORED, CodedText("audit_unanchored", {"seq": walk.good}))
    return ChainVerdict(walk.good, walk.closed, walk.last, walk.met, finding, tuple(walk.lost))


def verify_each(entries: Iterable[AuditEntry], signer: AuditSigner) -> ChainVerdict:
    """Verify entries by themselves, such as a selection of them: whether some are missing cannot be told from it."""
    good = closed = 0
    last: AuditEntry | None = None
    for entry in entries:
        genuine, says = signer.placed(entry, entry.seal.previous), signer.says(entry)
        if not genuine or not says:
            return ChainVerdict(
                good, closed, last, 0, _found(entry.seq, AuditFault.CHANGED if genuine else AuditFault.FORGED)
            )
        good, closed, last = good + 1, closed + (entry.deed is None), entry
    return ChainVerdict(good, closed, last, 0, None)


class PseudonymisedEntries:
    """Entries whose name was taken out, and those that say so."""

    def __init__(self) -> None:
        self._before_us = 0
        self._erased: set[str] = set()
        self._waiting: dict[str, list[tuple[int, int]]] = {}

    def add_entry(self, entry: AuditEntry) -> None:
        """Look at the next entry."""
        deed = entry.deed
        if deed is None or entry.at_us is None:
            return
        if deed.nameless:
            self._waiting.setdefault(deed.actor, []).append((entry.seq, entry.at_us))
        elif deed.action == ERASED:
            self._erased.add(str(deed.detail.get("pseudonym")))
        elif deed.action == NAMES_OUT:
            before_us = deed.detail.get("before_us")
            self._before_us = max(self._before_us, before_us if isinstance(before_us, int) else 0)

    def unexplained(self) -> int | None:
        """Number of the first that names nobody although nothing says so."""
        left = (found for actor, found in self._waiting.items() if actor not in self._erased)
        return min((seq for found in left for seq, at_us in found if at_us >= self._before_us), default=None)


class _Walk:
    """Where we are in the chain."""

    def __init__(self, signer: AuditSigner, anchors: Iterator[AuditAnchor]) -> None:
        self._signer = signer
        self._anchors = anchors
        self._anchor = next(anchors, None)
        self._nameless = PseudonymisedEntries()
        self.good = self.closed = self.met = 0
        self.last: AuditEntry | None = None
        self.lost: list[AuditEntry] = []

    def verify_entry(self, entry: AuditEntry, later: Iterator[AuditEntry]) -> AuditFinding | None:
        """Take the next entry; what comes later is looked at only to tell what happened to a bad one."""
        previous = self.last.seal.mac if self.last else ""
        if entry.seq != self.good + 1:
            return self._astray(entry, later)
        placed = self._signer.placed(entry, previous)
        if not placed or entry.seal.previous != previous or not self._signer.says(entry):
            return self._bad(entry, previous, later, placed=placed)
        while self._anchor is not None and self._anchor.seq <= entry.seq:
            if self._anchor.seq == entry.seq and self._anchor.mac != entry.seal.mac:
                return AuditFinding(entry.seq, AuditFault.FORGED, CodedText("audit_anchor_differs", {"seq": entry.seq}))
            self.met += 1
            self._anchor = next(self._anchors, None)
        self._nameless.add_entry(entry)
        if entry.deed is not None and entry.deed.action == ANCHORS_LOST:
            self.lost.append(entry)
        self.good, self.closed, self.last = entry.seq, self.closed + (entry.deed is None), entry
        return None

    def end(self) -> AuditFinding | None:
        """What is wrong with where the chain ends."""
        seq = self._nameless.unexplained()
        if seq is not None:
            return AuditFinding(seq, AuditFault.CHANGED, CodedText("audit_entry_nameless", {"seq": seq}))
        if self._anchor is None:
            return None
        anchored = max(a.seq for a in chain([self._anchor], self._anchors))
        cut = self.good + 1
        return AuditFinding(cut, AuditFault.CUT, CodedText("audit_entries_cut", {"seq": cut, "anchored": anchored}))

    def _astray(self, entry: AuditEntry, later: Iterator[AuditEntry]) -> AuditFinding:
        """Another number than the next stands here."""
        wanted = self.good + 1
        if entry.seq < wanted:
            return _found(entry.seq, AuditFault.INSERTED)
        comes_later = any(other.seq == wanted for other in later)
        if not self._genuine(entry):
            return _found(entry.seq, AuditFault.INSERTED if comes_later else AuditFault.FORGED)
        return _found(entry.seq, AuditFault.REORDERED) if comes_later else _found(wanted, AuditFault.DELETED)

    def _bad(self, entry: AuditEntry, previous: str, later: Iterator[AuditEntry], *, placed: bool) -> AuditFinding:
        """The number is right, but not what bears it."""
        if placed or (entry.deed is not None and entry.seal.previous == previous and self._signer.says(entry)):
            return _found(entry.seq, AuditFault.CHANGED)
        others = list(_until_genuine(later, self._signer, entry))
        if entry.deed is not None and self._signer.says(entry):
            before_comes_later = any(o.seal.mac == entry.seal.previous for o in others)
            return _found(entry.seq, AuditFault.REORDERED if before_comes_later else AuditFault.DELETED)
        replaced = any(o.seq == entry.seq and self._genuine(o) for o in others)
        return _found(entry.seq, AuditFault.INSERTED if replaced else AuditFault.FORGED)

    def _genuine(self, entry: AuditEntry) -> bool:
        return self._signer.placed(entry, entry.seal.previous) and self._signer.says(entry)


def _until_genuine(later: Iterator[AuditEntry], signer: AuditSigner, entry: AuditEntry) -> Iterator[AuditEntry]:
    """Those that tell what happened to a bad entry."""
    for other in later:
        if other.seal.mac == entry.seal.previous or (other.seq == entry.seq and signer.says(other)):
            yield other


def _found(seq: int, fault: AuditFault) -> AuditFinding:
    return AuditFinding(seq, fault, CodedText(_CODES[fault], {"seq": seq}))
