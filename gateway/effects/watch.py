"""Runs the kinds' rules and keeps the alarm book in step with what they say."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devices.alarms import Alarm, Cleared, Raised
from devices.catalog import Catalog
from devices.instants import MINUTE_US, rfc3339
from devices.ports.alarms import Alarms
from devices.ports.books import Change
from devices.ports.current import RuleStates
from devices.ports.registry import Transaction
from devices.rules import Context, Outcome
from devices.sun import sun_up
from gateway.effects.newest import Trigger
from gateway.effects.views import AssetNow, Views
from gateway.reactions import Reactions

PARENT_GONE = frozenset({"offline"})


@dataclass(slots=True)
class _Found:
    raised: list[Alarm] = field(default_factory=list)
    cleared: list[Alarm] = field(default_factory=list)
    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Watch:
    """One per gateway; called from the effects thread within its transaction."""

    def __init__(self, catalog: Catalog, views: Views, reactions: Mapping[str, Reactions]) -> None:
        self._catalog = catalog
        self._views = views
        self._reactions = reactions
        self._sun: dict[tuple[float, float], tuple[int, bool]] = {}

    def look(self, tx: Transaction, triggers: Collection[Trigger], now: Mapping[str, AssetNow], now_us: int) -> list[Change]:
        """Run the rules of all triggered assets; returns changes for new and ended alarms."""
        facts = self._facts(tx, {asset_id for asset_id, _, _ in triggers}, now, now_us)
        found = _Found()
        for asset_id, channel, part in sorted(triggers):
            self._look_at(now[asset_id], channel, part, facts.get(asset_id, {}), now_us, found)
        if found.states:
            tx.get(RuleStates).put(found.states)
        if found.raised:
            tx.get(Alarms).add(found.raised)
        if found.cleared:
            tx.get(Alarms).clear([a.alarm_id for a in found.cleared], now_us)
        return [_change(alarm, now_us) for alarm in (*found.raised, *found.cleared)]

    def _facts(
        self, tx: Transaction, asset_ids: Iterable[str], now: Mapping[str, AssetNow], now_us: int
    ) -> dict[str, Mapping[str, Any]]:
        by_kind: dict[str, list[str]] = {}
        for asset_id in asset_ids:
            by_kind.setdefault(now[asset_id].asset.kind, []).append(asset_id)
        facts: dict[str, Mapping[str, Any]] = {}
        for kind, ids in by_kind.items():
            if kind in self._reactions:
                facts.update(self._reactions[kind].facts(tx, ids, now_us))
        return facts

    def _look_at(
        self, asset: AssetNow, channel: str, part: str, facts: Mapping[str, Any], now_us: int, found: _Found
    ) -> None:
        view = asset.view()
        via = asset.asset.via
        parent_down = via is not None and self._views.status_of(via) in PARENT_GONE
        context = Context(now_us, channel, part, self._sun_up(asset, now_us), parent_down, facts)
        for rule in self._catalog[asset.asset.kind].rules:
            before = asset.rule_states.get(rule.__name__, {})
            outcome = rule(view, context, before)
            if outcome.state != before:
                asset.rule_states[rule.__name__] = dict(outcome.state)
                found.states[asset.asset.asset_id] = asset.rule_states
            if outcome.raised or outcome.cleared:
                _settle(asset, outcome, now_us, found)

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


def _settle(asset: AssetNow, outcome: Outcome, now_us: int, found: _Found) -> None:
    for cleared in outcome.cleared:
        _clear(asset, cleared, now_us, found)
    for raised in outcome.raised:
        if (raised.name, raised.part) not in asset.alarms:
            alarm = _alarm(asset, raised, now_us)
            asset.alarms[raised.name, raised.part] = alarm
            found.raised.append(alarm)


def _clear(asset: AssetNow, cleared: Cleared, now_us: int, found: _Found) -> None:
    alarm = asset.alarms.pop((cleared.name, cleared.part), None)
    if alarm is not None:
        found.cleared.append(replace(alarm, cleared_us=now_us))


def _alarm(asset: AssetNow, raised: Raised, now_us: int) -> Alarm:
    thing = asset.asset
    return Alarm(
        alarm_id=uuid.uuid4().hex,
        asset_id=thing.asset_id,
        tenant_id=thing.tenant_id,
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


def _change(alarm: Alarm, now_us: int) -> Change:
    data = {
        "alarm_id": alarm.alarm_id,
        "device_id": alarm.asset_id,
        "name": alarm.name,
        "part": alarm.part,
        "severity": alarm.severity.value,
        "since": rfc3339(alarm.since_us),
        "cleared": None if alarm.cleared_us is None else rfc3339(alarm.cleared_us),
    }
    return Change(0, now_us, alarm.tenant_id, alarm.kind, "alarm", data)
