"""The effects cursor: journal → decode → judge once → registry → store cursor."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from application.ports.cursor_positions import CursorPositions
from application.ports.identity import DedupIndex
from application.ports.inventory import AssetFilter, AssetRepository
from application.ports.journal import JournalBatch
from application.ports.loans import LoanRepository
from application.ports.memberships import MembershipRepository
from application.ports.registry import Registry, RegistryTransaction
from devices.kind_catalog import KindCatalog
from devices.sequence_ranges import SequenceRanges
from gateway.batch import MessageBatch, items_of
from gateway.binding_cache import BindingCache
from gateway.decode import MessageDecoder
from gateway.deduplication import Decoded, Deduplicator
from gateway.effects.device_state_cache import DeviceStateCache
from gateway.effects.effects_transaction import AnswerRecorder, EffectsTransaction, unheard
from gateway.effects.reachability import ReachabilityTracker
from gateway.effects.rule_engine import RuleEngine
from gateway.journal_lane import JournalLane
from gateway.reactions import KindReactions, owns_all
from gateway.store_queue import StoreParcel, StoreQueue
from gateway.verdicts import MessageVerdict, dump_verdicts, load_verdicts

MESSAGES_A_PASS = 4000
BYTES_A_PASS = 2 * 2**20
_CLOCK_ASSETS = 500


@dataclass(slots=True)
class _Walk:
    """Where the cursor stands in a lane."""

    lane: JournalLane
    handover: StoreQueue
    position: int
    judged: int


class EffectsCursor:
    """Walks the lanes in the order given, the first always before the others; one thread.

    `owns`: whether it follows an asset, where several workers share them; what a connector speaks for goes with it.
    """

    def __init__(
        self,
        *,
        lanes: list[tuple[JournalLane, StoreQueue]],
        decoder: MessageDecoder,
        identity: DedupIndex,
        registry: Registry,
        bindings: BindingCache,
        apply: EffectsTransaction,
        now_us: Callable[[], int],
        owns: Callable[[str], bool] = owns_all,
    ) -> None:
        self._decoder = decoder
        self._identity = identity
        self._registry = registry
        self._bindings = bindings
        self._judge = Deduplicator(identity, bindings)
        self._apply = apply
        self._now_us = now_us
        self._owns = owns
        with registry.read() as tx:
            positions = tx.get(CursorPositions)
            self._walks = [
                _Walk(lane, handover, positions.get(f"effects/{lane.key}"), identity.judged_through(lane.key))
                for lane, handover in lanes
            ]
            stored = {lane.key: positions.get(f"store/{lane.key}") for lane, _ in lanes}
        for walk in self._walks:
            walk.handover.through = walk.position
            self._judge_again(walk, stored[walk.lane.key])
        self._clock_at: str | None = None
        """Where the rules of all assets go on; empty at the beginning, None while they are not due."""
        self.messages = 0

    def run_pass(self) -> int:
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

    def _decode(self, batches: list[JournalBatch]) -> list[list[Decoded]]:
        decoded = [[self._decoder.decode(message) for message in batch.messages] for batch in batches]
        devices = {h.uplink.device_id for some in decoded for h in some if h.uplink is not None}
        with self._registry.read() as tx:
            self._refresh(tx, devices)
        return decoded

    def _pass(self, walk: _Walk, batches: list[JournalBatch]) -> int:
        decoded = self._decode(batches)
        verdicts, touched = self._verdicts(walk, batches, decoded)
        given = self._bindings.given if self._bindings.lent else None
        items = tuple(
            item
            for batch, heard, judged in zip(batches, decoded, verdicts, strict=True)
            for item in items_of(batch, heard, judged, given)
        )
        done = MessageBatch(walk.lane.key, batches[0].batch_id, batches[-1].batch_id, items, touched)
        samples = self._apply(done, self._now_us())
        walk.handover.put(StoreParcel(walk.position + 1, done.last, samples, done.sampled_messages()))
        walk.position = done.last
        self.messages += len(items)
        return len(items)

    def _verdicts(
        self, walk: _Walk, batches: list[JournalBatch], decoded: list[list[Decoded]]
    ) -> tuple[list[list[MessageVerdict]], dict[tuple[str, str], SequenceRanges]]:
        key = walk.lane.key
        judged_before = (self._identity.verdicts(key, b.batch_id) for b in batches if b.batch_id <= walk.judged)
        known = [
            load_verdicts(data) for data in takewhile(lambda data: data is not None, judged_before) if data is not None
        ]
        fresh = list(zip(batches, decoded, strict=True))[len(known) :]
        touched: dict[tuple[str, str], SequenceRanges] = {}
        verdicts: list[list[MessageVerdict]] = []
        try:
            with self._identity.judge() as judgement:
                for heard in decoded[: len(known)]:
                    touched.update(self._judge.again(judgement, heard))
                for batch, heard in fresh:
                    judged = self._judge.judge(judgement, batch.messages, heard)
                    judgement.put_verdicts(key, batch.batch_id, dump_verdicts(judged.verdicts))
                    verdicts.append(judged.verdicts)
                    touched.update(judged.touched)
                judgement.put_ranges(touched, self._now_us())
        except BaseException:
            self._judge.forget()
            raise
        walk.judged = max(walk.judged, batches[-1].batch_id)
        return known + verdicts, touched

    def clock(self, *, due: bool) -> bool:
        """When due run the rules of all assets, some at a time; tells whether more are to do at once.

        What is due stays so until it was done, also when this call did something else or raised.
        """
        now_us = self._now_us()
        if due and self._clock_at is None:
            self._clock_at = ""
        if self._apply.overdue(now_us):
            return True
        if self._clock_at is None:
            return False
        with self._registry.write() as tx:
            inventory = tx.get(AssetRepository)
            self._refresh(tx, ())
            page = inventory.find(AssetFilter(), _CLOCK_ASSETS, self._clock_at or None)
            self._apply.clock(tx, [asset for asset in page.items if self._owns(asset.asset_id)], now_us)
        self._clock_at = page.next_cursor
        return self._clock_at is not None

    def _refresh(self, tx: RegistryTransaction, device_ids: Collection[str]) -> None:
        self._bindings.refresh(
            tx.get(AssetRepository), tx.get(LoanRepository), tx.get(MembershipRepository), device_ids
        )

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


class EffectsParts(NamedTuple):
    """A cursor, and the rules that it runs."""

    cursor: EffectsCursor
    rules: RuleEngine


def build_effects(
    *,
    lanes: list[tuple[JournalLane, StoreQueue]],
    decoder: MessageDecoder,
    catalog: KindCatalog,
    identity: DedupIndex,
    registry: Registry,
    answers: AnswerRecorder,
    reactions: Mapping[str, KindReactions],
    now_us: Callable[[], int],
    heard: Callable[[Mapping[str, int]], None] = unheard,
    owns: Callable[[str], bool] = owns_all,
) -> EffectsParts:
    """Join a cursor with what it applies; all of it belongs to one thread."""
    bindings = BindingCache()
    views = DeviceStateCache(bindings.ownership)
    reachability = ReachabilityTracker(catalog, bindings, views)
    rules = RuleEngine(catalog, reachability, reactions)
    apply = EffectsTransaction(
        registry=registry,
        bindings=bindings,
        views=views,
        watch=rules,
        reachability=reachability,
        answers=answers,
        reactions=reactions,
        kinds=catalog,
        heard=heard,
    )
    cursor = EffectsCursor(
        lanes=lanes,
        decoder=decoder,
        identity=identity,
        registry=registry,
        bindings=bindings,
        apply=apply,
        now_us=now_us,
        owns=owns,
    )
    return EffectsParts(cursor, rules)
