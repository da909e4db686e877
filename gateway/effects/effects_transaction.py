"""One registry transaction a pass: newest values, alarms, command progress, counters, dead letters, changes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from application.ports.changes import Change, ChangeFeed
from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetters
from application.ports.inventory import Asset, AssetRepository
from application.ports.latest_values import LatestValues
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry, RegistryTransaction
from devices.kind import DeviceKind
from devices.messages import AckMessage, StateMessage
from devices.samples import Sample
from gateway.batch import BatchItem, MessageBatch
from gateway.binding_cache import BindingCache
from gateway.decode import DecodedMessage
from gateway.effects.change_publisher import NO_KINDS, ChangePublisher
from gateway.effects.dead_letters import DeadLetterRecorder, unknown_devices
from gateway.effects.device_state_cache import AssetNow, DeviceStateCache
from gateway.effects.latest_updater import Trigger, signs_of_life, update_latest
from gateway.effects.ledger_counts import ledger_increments, sequence_gaps
from gateway.effects.reachability import ReachabilityTracker
from gateway.effects.rule_engine import RuleEngine
from gateway.reactions import KindReactions
from gateway.verdicts import MessageOutcome


class AnswerRecorder(Protocol):
    """Records what devices answer to commands; called within the pass's transaction, may be called twice."""

    def on_acks(self, tx: RegistryTransaction, acks: Sequence[tuple[str, AckMessage, int]]) -> Sequence[Change]:
        """Each is (asset_id, ack, received_us)."""

    def on_states(self, tx: RegistryTransaction, states: Sequence[tuple[str, StateMessage, int]]) -> Sequence[Change]:
        """Each is (asset_id, state, received_us)."""


def unheard(_heard: Mapping[str, int]) -> None:
    """Take signs of life for which nobody waits."""


class EffectsTransaction:
    """Applies judged passes in order; one thread."""

    def __init__(
        self,
        *,
        registry: Registry,
        bindings: BindingCache,
        views: DeviceStateCache,
        watch: RuleEngine,
        reachability: ReachabilityTracker,
        answers: AnswerRecorder,
        reactions: Mapping[str, KindReactions],
        kinds: Mapping[str, DeviceKind] = NO_KINDS,
        heard: Callable[[Mapping[str, int]], None] = unheard,
    ) -> None:
        self._registry = registry
        self._bindings = bindings
        self._views = views
        self._watch = watch
        self._reachability = reachability
        self._answers = answers
        self._reactions = reactions
        self._letters = DeadLetterRecorder(holder=bindings.holder)
        self._tell = ChangePublisher(kinds)
        self._heard = heard
        self.refused: Counter[str] = Counter()
        """Dead letters since start by reason."""

    def __call__(self, done: MessageBatch, now_us: int) -> list[Sample]:
        """Bring the registry up to date; returns the samples to store. After an error nothing of the pass is kept."""
        samples = [sample for item in done.items for sample in item.samples]
        try:
            with self._registry.write() as tx:
                if tx.get(CursorPositions).get(f"effects/{done.lane}") >= done.last:
                    return samples
                self._apply(tx, done, samples, now_us)
                tx.get(CursorPositions).set(f"effects/{done.lane}", done.last)
        except BaseException:
            self._forget()
            raise
        self.refused.update(self._letters.reasons)
        self._heard(signs_of_life(done.items))
        return samples

    def _apply(self, tx: RegistryTransaction, done: MessageBatch, samples: list[Sample], now_us: int) -> None:
        asset_ids = {item.verdict.asset_id for item in done.items if item.verdict.asset_id}
        speakers = self._speakers(tx, done) if self._bindings.connectors else {}
        assets = self._bindings.assets(tx.get(AssetRepository), asset_ids | set(speakers.values()))
        now = self._views.load(tx, list(assets.values()))
        triggers = update_latest(done.items, now, speakers)
        triggers |= self._reachability.follow(tx, triggers, now, now_us)
        self._put_latest(tx, now, now_us)
        changes = self._watch.evaluate_rules(tx, triggers, now, now_us)
        changes += self._commands(tx, done.special)
        changes += self._react(tx, samples)
        changes += self._tell.changes(triggers, now, now_us)
        self._book(tx, done, changes)

    def _speakers(self, tx: RegistryTransaction, done: MessageBatch) -> Mapping[str, str]:
        """Assets of the connectors through which something was said."""
        through = {c for item in done.items if (u := item.heard.uplink) is not None and (c := u.connector_id)}
        return self._reachability.speakers(tx, through) if through else {}

    @staticmethod
    def _put_latest(tx: RegistryTransaction, now: Mapping[str, AssetNow], now_us: int) -> None:
        for asset in now.values():
            if asset.ownership.loans:
                asset.hand_over(now_us)
        rows = [asset.latest[key] for asset in now.values() for key in asset.dirty]
        if rows:
            tx.get(LatestValues).put(rows)
            for asset in now.values():
                asset.dirty.clear()

    def _commands(self, tx: RegistryTransaction, items: Sequence[BatchItem]) -> list[Change]:
        acks: list[tuple[str, AckMessage, int]] = []
        states: list[tuple[str, StateMessage, int]] = []
        for item in items:
            model = item.heard.model if isinstance(item.heard, DecodedMessage) else None
            if item.verdict.outcome is MessageOutcome.ACCEPTED and isinstance(model, AckMessage):
                acks.append((item.verdict.asset_id, model, item.message.received_us))
            elif item.verdict.outcome in {MessageOutcome.ACCEPTED, MessageOutcome.RETAINED} and isinstance(
                model, StateMessage
            ):
                states.append((item.verdict.asset_id, model, item.message.received_us))
        changes = list(self._answers.on_acks(tx, acks)) if acks else []
        return changes + (list(self._answers.on_states(tx, states)) if states else [])

    def _react(self, tx: RegistryTransaction, samples: Sequence[Sample]) -> list[Change]:
        by_kind: dict[str, list[Sample]] = {}
        for sample in samples:
            if sample.kind in self._reactions:
                by_kind.setdefault(sample.kind, []).append(sample)
        return [c for kind, some in by_kind.items() for c in self._reactions[kind].on_samples(tx, some)]

    def _book(self, tx: RegistryTransaction, done: MessageBatch, changes: list[Change]) -> None:
        counts = ledger_increments(done)
        if counts:
            tx.get(MessageLedger).count(counts)
        missing = sequence_gaps(done)
        if missing:
            tx.get(MessageLedger).put_gaps(missing)
        letters = self._letters.of(done, tx.get(DeadLetters).kept_since)
        if letters:
            tx.get(DeadLetters).add(letters)
        unknown = unknown_devices(done)
        if unknown:
            tx.get(AssetRepository).note_unknown(unknown)
        if changes:
            tx.get(ChangeFeed).add(changes)

    def clock(self, tx: RegistryTransaction, assets: Sequence[Asset], now_us: int) -> None:
        """Run the rules of these assets because time passed."""
        self._views.look_up_intervals(tx, [asset.asset_id for asset in assets])
        self._look(tx, assets, lambda now: {(asset_id, "clock", "") for asset_id in now}, now_us)

    def overdue(self, now_us: int) -> bool:
        """Look at and tell what was put off because an asset speaks often; tells whether there was any."""
        triggers = self._watch.overdue(now_us)
        if not triggers and not self._tell.due(now_us):
            return False
        with self._registry.write() as tx:
            assets = self._bindings.assets(tx.get(AssetRepository), {asset_id for asset_id, _, _ in triggers})
            self._look(tx, list(assets.values()), lambda now: {t for t in triggers if t[0] in now}, now_us)
        return True

    def _look(
        self,
        tx: RegistryTransaction,
        assets: Sequence[Asset],
        triggers_of: Callable[[Mapping[str, AssetNow]], set[Trigger]],
        now_us: int,
    ) -> None:
        try:
            now = self._views.load(tx, assets)
            changed = self._reachability.refresh(tx, now, now_us)
            self._put_latest(tx, now, now_us)
            changes = self._watch.evaluate_rules(tx, triggers_of(now) | changed, now, now_us)
            changes += self._tell.changes(changed, now, now_us)
            if changes:
                tx.get(ChangeFeed).add(changes)
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._letters.forget()
        self._views.forget()
        self._tell.forget()
        self._watch.forget()
        self._reachability.forget()
