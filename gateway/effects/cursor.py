"""The effects cursor: journal → decode → judge once → registry → store cursor."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile

from devices.ports.books import Positions
from devices.ports.identity import Identity
from devices.ports.inventory import AssetFilter, Inventory
from devices.ports.journal import Batch
from devices.ports.loans import Loans
from devices.ports.memberships import Memberships
from devices.ports.registry import Registry, Transaction
from devices.sequence import SeqRanges
from gateway.bindings import Bindings
from gateway.decode import Decoder
from gateway.effects.apply import Apply
from gateway.handover import HandOver, Parcel
from gateway.judge import Decoded, Judge
from gateway.lane import Lane
from gateway.passes import Pass, items_of
from gateway.verdicts import Verdict, dump, load

MESSAGES_A_PASS = 4000
BYTES_A_PASS = 2 * 2**20
_CLOCK_ASSETS = 500


@dataclass(slots=True)
class _Walk:
    """Where the cursor stands in a lane."""

    lane: Lane
    handover: HandOver
    position: int
    judged: int


class EffectsCursor:
    """Walks the lanes in the order given, the first always before the others; one thread."""

    def __init__(
        self,
        *,
        lanes: list[tuple[Lane, HandOver]],
        decoder: Decoder,
        identity: Identity,
        registry: Registry,
        bindings: Bindings,
        apply: Apply,
        now_us: Callable[[], int],
    ) -> None:
        self._decoder = decoder
        self._identity = identity
        self._registry = registry
        self._bindings = bindings
        self._judge = Judge(identity, bindings)
        self._apply = apply
        self._now_us = now_us
        with registry.read() as tx:
            positions = tx.get(Positions)
            self._walks = [
                _Walk(lane, handover, positions.get(f"effects/{lane.key}"), identity.judged_through(lane.key))
                for lane, handover in lanes
            ]
            stored = {lane.key: positions.get(f"store/{lane.key}") for lane, _ in lanes}
        for walk in self._walks:
            walk.handover.through = walk.position
            self._judge_again(walk, stored[walk.lane.key])
        self._clock_at = ""
        self.messages = 0

    def step(self) -> int:
        """One pass of the first lane that has something; returns its messages.

        Raises RegistryUnavailable, JournalUnavailable: nothing of the pass is kept, call again.
        """
        for walk in self._walks:
            batches = walk.lane.gather(walk.position, MESSAGES_A_PASS, BYTES_A_PASS)
            if batches:
                return self._pass(walk, batches)
        return 0

    def _judge_again(self, walk: _Walk, stored: int) -> None:
        """Make verdicts anew for what waits for the store, where they were lost with a damaged file."""
        while walk.judged < walk.position:
            after = max(walk.judged, stored)
            batches = walk.lane.gather(after, MESSAGES_A_PASS, BYTES_A_PASS)
            batches = [batch for batch in batches if batch.batch_id <= walk.position]
            if not batches:
                return
            self._verdicts(walk, batches, self._decode(batches))

    def _decode(self, batches: list[Batch]) -> list[list[Decoded]]:
        decoded = [[self._decoder.decode(message) for message in batch.messages] for batch in batches]
        devices = {h.uplink.device_id for some in decoded for h in some if h.uplink is not None}
        with self._registry.read() as tx:
            self._refresh(tx, devices)
        return decoded

    def _pass(self, walk: _Walk, batches: list[Batch]) -> int:
        decoded = self._decode(batches)
        verdicts, touched = self._verdicts(walk, batches, decoded)
        items = tuple(
            item._replace(samples=self._bindings.given(item.samples))
            for batch, heard, judged in zip(batches, decoded, verdicts, strict=True)
            for item in items_of(batch, heard, judged)
        )
        done = Pass(walk.lane.key, batches[0].batch_id, batches[-1].batch_id, items, touched)
        samples = self._apply(done, self._now_us())
        walk.handover.put(Parcel(walk.position + 1, done.last, samples, done.sampled_messages()))
        walk.position = done.last
        self.messages += len(items)
        return len(items)

    def _verdicts(
        self, walk: _Walk, batches: list[Batch], decoded: list[list[Decoded]]
    ) -> tuple[list[list[Verdict]], dict[tuple[str, str], SeqRanges]]:
        key = walk.lane.key
        judged_before = (self._identity.verdicts(key, b.batch_id) for b in batches if b.batch_id <= walk.judged)
        known = [load(data) for data in takewhile(lambda data: data is not None, judged_before) if data is not None]
        fresh = list(zip(batches, decoded, strict=True))[len(known) :]
        touched: dict[tuple[str, str], SeqRanges] = {}
        verdicts: list[list[Verdict]] = []
        try:
            with self._identity.judge() as judgement:
                for heard in decoded[: len(known)]:
                    touched.update(self._judge.again(judgement, heard))
                for batch, heard in fresh:
                    judged = self._judge.judge(judgement, batch.messages, heard)
                    judgement.put_verdicts(key, batch.batch_id, dump(judged.verdicts))
                    verdicts.append(judged.verdicts)
                    touched.update(judged.touched)
                judgement.put_ranges(touched, self._now_us())
        except BaseException:
            self._judge.forget()
            raise
        walk.judged = max(walk.judged, batches[-1].batch_id)
        return known + verdicts, touched

    def clock(self, *, due: bool) -> bool:
        """When due run the rules of all assets, some at a time; tells whether more are to do at once."""
        now_us = self._now_us()
        if self._apply.overdue(now_us):
            return True
        if not self._clock_at and not due:
            return False
        with self._registry.write() as tx:
            inventory = tx.get(Inventory)
            self._refresh(tx, ())
            page = inventory.find(AssetFilter(), _CLOCK_ASSETS, self._clock_at or None)
            self._apply.clock(tx, page.items, now_us)
        self._clock_at = page.next_cursor or ""
        return bool(self._clock_at)

    def _refresh(self, tx: Transaction, device_ids: Collection[str]) -> None:
        self._bindings.refresh(tx.get(Inventory), tx.get(Loans), tx.get(Memberships), device_ids)

    def release(self, stored: dict[str, int]) -> None:
        """Let the journal drop what both cursors have passed; `stored` is how far the store cursor is, by lane."""
        for walk in self._walks:
            through = min(walk.position, stored[walk.lane.key])
            if walk.lane.release(through):
                self._identity.forget_verdicts(walk.lane.key, through)

    @property
    def refused(self) -> Mapping[str, int]:
        """Dead letters since start by reason."""
        return self._apply.refused

    def prune(self) -> None:
        """Drop identities past their time."""
        self._identity.prune(self._now_us())
