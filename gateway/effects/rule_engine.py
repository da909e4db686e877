"""Runs the kinds' rules and keeps the alarm book in step with what they say."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from application.inventory.asset_retirement import alarm_change
from application.ports.alarms import AlarmRepository
from application.ports.changes import Change
from application.ports.latest_values import RuleStates
from application.ports.registry import RegistryTransaction
from devices.alarms import Alarm, AlarmCleared, AlarmRaised
from devices.daylight import sun_up
from devices.kind_catalog import KindCatalog
from devices.rules import RuleContext, RuleOutcome
from devices.samples import TELEMETRY
from devices.time_us import MINUTE_US, SECOND_US
from gateway.effects.device_state_cache import AssetNow
from gateway.effects.latest_updater import Trigger
from gateway.effects.login_refusals import RefusedLogins
from gateway.effects.quota_pauses import PausedLogins
from gateway.effects.reachability import ReachabilityTracker
from gateway.reactions import KindReactions

log = structlog.get_logger()


@dataclass(slots=True)
class _Found:
    raised: list[Alarm] = field(default_factory=list)
    cleared: list[Alarm] = field(default_factory=list)
    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class RuleEngine:
    """One per gateway; called from the effects thread within its transaction."""

    def __init__(
        self, catalog: KindCatalog, reachability: ReachabilityTracker, reactions: Mapping[str, KindReactions]
    ) -> None:
        self._catalog = catalog
        self._reachability = reachability
        self._reactions = reactions
        self._sun: dict[tuple[float, float], tuple[int, bool]] = {}
        self._looked: dict[str, int] = {}
        self._later: set[Trigger] = set()
        self._told: set[tuple[str, str]] = set()
        self._refused = RefusedLogins()
        self._paused = PausedLogins()
        self.failures = 0
        """How often a rule raised an error since start; the first of each rule is in the log."""

    def evaluate_rules(
        self, tx: RegistryTransaction, triggers: Collection[Trigger], now: Mapping[str, AssetNow], now_us: int
    ) -> list[Change]:
        """Run the rules of triggered assets, for telemetry at most once a second each; returns changes of alarms."""
        return self._look(tx, [t for t in triggers if self._due(t, now_us)], now, now_us)

    def _due(self, trigger: Trigger, now_us: int) -> bool:
        asset_id, channel, _ = trigger
        if channel == TELEMETRY and now_us - self._looked.get(asset_id, 0) < SECOND_US:
            self._later.add(trigger)
            return False
        self._later.discard(trigger)
        return True

    def overdue(self, now_us: int) -> list[Trigger]:
        """Telemetry triggers that were put off and are due by now; each is given once."""
        due = [t for t in self._later if now_us - self._looked.get(t[0], 0) >= SECOND_US]
        self._later.difference_update(due)
        return due

    def forget(self) -> None:
        """Drop what was put off, after a transaction that failed; the next sample triggers again."""
        self._later.clear()

    def _look(
        self, tx: RegistryTransaction, triggers: Collection[Trigger], now: Mapping[str, AssetNow], now_us: int
    ) -> list[Change]:
        if len(self._looked) > 100_000:
            self._looked.clear()
        self._looked.update((asset_id, now_us) for asset_id, _, _ in triggers)
        facts = self._facts(tx, {asset_id for asset_id, _, _ in triggers}, now, now_us)
        clock = any(channel == "clock" for _, channel, _ in triggers)
        refused = self._refused.by_asset(tx, now_us) if clock else {}
        paused = self._paused.by_asset(tx, now_us) if clock else {}
        found = _Found()
        for asset_id, channel, part in sorted(triggers):
            asset = now[asset_id]
            _hand_over(asset, now_us, found)
            parent_down = self._reachability.excuses(asset, now_us)
            unheard = self._reachability.unheard(tx, asset, now_us)
            sun = self._sun_up(asset, now_us)
            times = refused.get(asset_id, 0), paused.get(asset_id, 0)
            self._look_at(
                asset,
                RuleContext(now_us, channel, part, sun, parent_down, unheard, *times, facts.get(asset_id, {})),
                found,
            )
        if found.states:
            tx.get(RuleStates).put(found.states)
        if found.raised:
            tx.get(AlarmRepository).add(found.raised)
        if found.cleared:
            tx.get(AlarmRepository).clear([a.alarm_id for a in found.cleared], now_us)
        return [alarm_change(alarm, now_us) for alarm in (*found.raised, *found.cleared)]

    def _facts(
        self, tx: RegistryTransaction, asset_ids: Iterable[str], now: Mapping[str, AssetNow], now_us: int
    ) -> dict[str, Mapping[str, Any]]:
        by_kind: dict[str, list[str]] = {}
        for asset_id in asset_ids:
            by_kind.setdefault(now[asset_id].asset.kind, []).append(asset_id)
        facts: dict[str, Mapping[str, Any]] = {}
        for kind, ids in by_kind.items():
            if kind in self._reactions:
                facts.update(self._reactions[kind].facts(tx, ids, now_us))
        return facts

    def _look_at(self, asset: AssetNow, context: RuleContext, found: _Found) -> None:
        view = asset.view(context.now_us)
        for rule in self._catalog[asset.asset.kind].rules:
            before = asset.rule_states.get(rule.__name__, {})
            try:
                outcome = rule(view, context, before)
            except Exception as error:  # noqa: BLE001 - one device must not keep all others waiting; the state stays
                self._failed(rule.__name__, asset.asset.kind, error)
                continue
            if outcome.state != before:
                asset.rule_states[rule.__name__] = dict(outcome.state)
                found.states[asset.asset.asset_id] = asset.rule_states
            if outcome.raised or outcome.cleared:
                _settle(asset, outcome, context.now_us, found)

    def _failed(self, rule: str, kind: str, error: Exception) -> None:
        self.failures += 1
        if (kind, rule) not in self._told:
            self._told.add((kind, rule))
            log.error("rule_failed", rule=rule, kind=kind, exc_info=error)

    def _sun_up(self, asset: AssetNow, now_us: int) -> bool:
        lat, lon = asset.asset.lat, asset.asset.lon
        if lat is None or lon is None:
            return False
        place, minute = (round(lat, 1), round(lon, 1)), now_us // MINUTE_US
        known = self._sun.get(place)
        if known is None or known[0] != minute:
            known = (minute, sun_up(*place, now_us))
            self._sun[place] = known
        return known[1]


def _hand_over(asset: AssetNow, now_us: int, found: _Found) -> None:
    """End what is open for the town that had it before; the rules begin anew for the one that has it now."""
    if not asset.ownership.loans:
        return
    holder = asset.ownership.at(now_us)
    others = [alarm for alarm in asset.alarms.values() if alarm.tenant_id != holder]
    for alarm in others:
        _clear(asset, AlarmCleared(alarm.name, now_us, alarm.part), now_us, found)
    if others:
        asset.rule_states.clear()
        found.states[asset.asset.asset_id] = asset.rule_states


def _settle(asset: AssetNow, outcome: RuleOutcome, now_us: int, found: _Found) -> None:
    for cleared in outcome.cleared:
        _clear(asset, cleared, now_us, found)
    for raised in outcome.raised:
        if (raised.name, raised.part) not in asset.alarms:
            alarm = _alarm(asset, raised, now_us)
            asset.alarms[raised.name, raised.part] = alarm
            found.raised.append(alarm)


def _clear(asset: AssetNow, cleared: AlarmCleared, now_us: int, found: _Found) -> None:
    alarm = asset.alarms.pop((cleared.name, cleared.part), None)
    if alarm is not None:
        found.cleared.append(replace(alarm, cleared_us=now_us))


def _alarm(asset: AssetNow, raised: AlarmRaised, now_us: int) -> Alarm:
    thing = asset.asset
    return Alarm(
        alarm_id=uuid.uuid4().hex,
        asset_id=thing.asset_id,
        tenant_id=asset.ownership.at(now_us),
        kind=thing.kind,
        name=raised.name,
        part=raised.part,
        severity=raised.severity,
        since_us=raised.since_us,
        raised_us=now_us,
        cleared_us=None,
        acknowledged_us=None,
        acknowledged_by=None,
        comment=None,
        details=raised.details,
    )
