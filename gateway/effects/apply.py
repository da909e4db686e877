"""One registry transaction a pass: newest values, alarms, command progress, counters, dead letters, changes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from devices.kind import DeviceKind
from devices.messages import Ack, State
from devices.ports.books import Change, Changes, DeadLetters, Ledger, Positions
from devices.ports.current import LatestValues
from devices.ports.inventory import Asset, Inventory
from devices.ports.registry import Registry, Transaction
from devices.samples import Sample
from gateway.bindings import Bindings
from gateway.decode import Heard
from gateway.effects.counting import gaps, increments
from gateway.effects.letters import Letters, unknown_devices
from gateway.effects.newest import Trigger, signs_of_life, take
from gateway.effects.reachability import Reachability
from gateway.effects.tell import NO_KINDS, Tell
from gateway.effects.views import AssetNow, Views
from gateway.effects.watch import Watch
from gateway.passes import Item, Pass
from gateway.reactions import Reactions
from gateway.verdicts import Outcome


class Answers(Protocol):
    """Records what devices answer to commands; called within the pass's transaction, may be called twice."""

    def on_acks(self, tx: Transaction, acks: Sequence[tuple[str, Ack, int]]) -> Sequence[Change]:
        """Each is (asset_id, ack, received_us)."""

    def on_states(self, tx: Transaction, states: Sequence[tuple[str, State, int]]) -> Sequence[Change]:
        """Each is (asset_id, state, received_us)."""


def _unheard(_heard: Mapping[str, int]) -> None:
    """Nobody waits for signs of life."""


class Apply:
    """Applies judged passes in order; one thread."""

    def __init__(
        self,
        *,
        registry: Registry,
        bindings: Bindings,
        views: Views,
        watch: Watch,
        reachability: Reachability,
        answers: Answers,
        reactions: Mapping[str, Reactions],
        kinds: Mapping[str, DeviceKind] = NO_KINDS,
        heard: Callable[[Mapping[str, int]], None] = _unheard,
    ) -> None:
        self._registry = registry
        self._bindings = bindings
        self._views = views
        self._watch = watch
        self._reachability = reachability
        self._answers = answers
        self._reactions = reactions
        self._letters = Letters(holder=bindings.holder)
        self._tell = Tell(kinds)
        self._heard = heard
        self.refused: Counter[str] = Counter()
        """Dead letters since start by reason."""

    def __call__(self, done: Pass, now_us: int) -> list[Sample]:
        """Bring the registry up to date; returns the samples to store. After an error nothing of the pass is kept."""
        samples = [sample for item in done.items for sample in item.samples]
        try:
            with self._registry.write() as tx:
                if tx.get(Positions).get(f"effects/{done.lane}") >= done.last:
                    return samples
                self._apply(tx, done, samples, now_us)
                tx.get(Positions).set(f"effects/{done.lane}", done.last)
        except BaseException:
            self._forget()
            raise
        self.refused.update(self._letters.reasons)
        self._heard(signs_of_life(done.items))
        return samples

    def _apply(self, tx: Transaction, done: Pass, samples: list[Sample], now_us: int) -> None:
        asset_ids = {item.verdict.asset_id for item in done.items if item.verdict.asset_id}
        through = {c for item in done.items if (u := item.heard.uplink) is not None and (c := u.connector_id)}
        speakers = self._reachability.speakers(tx, through) if through else {}
        assets = self._bindings.assets(tx.get(Inventory), asset_ids | set(speakers.values()))
        now = self._views.load(tx, list(assets.values()))
        triggers = take(done.items, now, speakers)
        triggers |= self._reachability.follow(tx, triggers, now, now_us)
        self._put_latest(tx, now, now_us)
        changes = self._watch.look(tx, triggers, now, now_us)
        changes += self._commands(tx, done.special)
        changes += self._react(tx, samples)
        changes += self._tell.changes(triggers, now, now_us)
        self._book(tx, done, changes)

    @staticmethod
    def _put_latest(tx: Transaction, now: Mapping[str, AssetNow], now_us: int) -> None:
        for asset in now.values():
            if asset.ownership.loans:
                asset.hand_over(now_us)
        rows = [asset.latest[key] for asset in now.values() for key in asset.dirty]
        if rows:
            tx.get(LatestValues).put(rows)
            for asset in now.values():
                asset.dirty.clear()

    def _commands(self, tx: Transaction, items: Sequence[Item]) -> list[Change]:
        acks: list[tuple[str, Ack, int]] = []
        states: list[tuple[str, State, int]] = []
        for item in items:
            model = item.heard.model if isinstance(item.heard, Heard) else None
            if item.verdict.outcome is Outcome.ACCEPTED and isinstance(model, Ack):
                acks.append((item.verdict.asset_id, model, item.message.received_us))
            elif item.verdict.outcome in {Outcome.ACCEPTED, Outcome.RETAINED} and isinstance(model, State):
                states.append((item.verdict.asset_id, model, item.message.received_us))
        changes = list(self._answers.on_acks(tx, acks)) if acks else []
        return changes + (list(self._answers.on_states(tx, states)) if states else [])

    def _react(self, tx: Transaction, samples: Sequence[Sample]) -> list[Change]:
        by_kind: dict[str, list[Sample]] = {}
        for sample in samples:
            if sample.kind in self._reactions:
                by_kind.setdefault(sample.kind, []).append(sample)
        return [c for kind, some in by_kind.items() for c in self._reactions[kind].on_samples(tx, some)]

    def _book(self, tx: Transaction, done: Pass, changes: list[Change]) -> None:
        counts = increments(done)
        if counts:
            tx.get(Ledger).count(counts)
        missing = gaps(done)
        if missing:
            tx.get(Ledger).put_gaps(missing)
        letters = self._letters.of(done, tx.get(DeadLetters).kept_since)
        if letters:
            tx.get(DeadLetters).add(letters)
        unknown = unknown_devices(done)
        if unknown:
            tx.get(Inventory).note_unknown(unknown)
        if changes:
            tx.get(Changes).add(changes)

    def clock(self, tx: Transaction, assets: Sequence[Asset], now_us: int) -> None:
        """Run the rules of these assets because time passed."""
        self._views.look_up_intervals(tx, [asset.asset_id for asset in assets])
        self._look(tx, assets, lambda now: {(asset_id, "clock", "") for asset_id in now}, now_us)

    def overdue(self, now_us: int) -> bool:
        """Look at and tell what was put off because an asset speaks often; tells whether there was any."""
        triggers = self._watch.overdue(now_us)
        if not triggers and not self._tell.due(now_us):
            return False
        with self._registry.write() as tx:
            assets = self._bindings.assets(tx.get(Inventory), {asset_id for asset_id, _, _ in triggers})
            self._look(tx, list(assets.values()), lambda now: {t for t in triggers if t[0] in now}, now_us)
        return True

    def _look(
        self,
        tx: Transaction,
        assets: Sequence[Asset],
        triggers_of: Callable[[Mapping[str, AssetNow]], set[Trigger]],
        now_us: int,
    ) -> None:
        try:
            now = self._views.load(tx, assets)
            changed = self._reachability.refresh(tx, now, now_us)
            self._put_latest(tx, now, now_us)
            changes = self._watch.look(tx, triggers_of(now) | changed, now, now_us)
            changes += self._tell.changes(changed, now, now_us)
            if changes:
                tx.get(Changes).add(changes)
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._letters.forget()
        self._views.forget()
        self._tell.forget()
        self._watch.forget()
