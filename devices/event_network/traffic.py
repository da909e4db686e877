"""Sums over measured objects in which each bit counts once: pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from devices.event_network.city_event import MeasuredObject


@dataclass(frozen=True, slots=True)
class TrafficFlow:
    """Rate of one direction; `peak_is_bound`: the true peak is at most `peak_bps`."""

    bps: float | None = None
    peak_bps: float | None = None
    peak_is_bound: bool = False


@dataclass(frozen=True, slots=True)
class TrafficShares:
    """How to sum a selection of objects: factor by object id, and how much of the selection that covers."""

    factors: Mapping[str, int]
    coverage_pct: float

    def total(self, flows: Mapping[str, TrafficFlow]) -> TrafficFlow:
        """Sum of the selection; unknown where nothing of it is known."""
        used = {k: f for k, f in self.factors.items() if f}
        known = [(factor, flows[k].bps) for k, factor in used.items()]
        if not any(factor > 0 for factor in used.values()):
            return TrafficFlow()
        bps = max(0.0, sum(factor * (rate or 0) for factor, rate in known))
        peaks = [flows[k].peak_bps if factor == 1 else None for k, factor in used.items()]
        if any(p is None for p in peaks):
            # The highest second of a difference cannot be known from the highest seconds of its terms.
            return TrafficFlow(bps)
        return TrafficFlow(bps, sum(p or 0 for p in peaks), peak_is_bound=len(used) > 1)


def traffic_shares(
    objects: Sequence[MeasuredObject], selected: Collection[str], observed: Collection[str]
) -> TrafficShares:
    """Factors that sum what belongs to `selected` and to no object below that is counted elsewhere.

    An object's own traffic is what it carries without its nearest observed descendants. An object that is not observed
    is covered by an observed one of the selection above it.
    """
    parents = {o.object_id: o.parent_id for o in objects}
    factors = {k: 1 for k in selected if k in observed}
    for child in observed:
        above = _nearest(child, parents, observed)
        if above in selected and above is not None:
            factors[child] = factors.get(child, 0) - 1
    covered = sum(1 for k in selected if k in observed or _covered(k, parents, selected, observed))
    return TrafficShares(factors, round(100 * covered / len(selected), 1) if selected else 0.0)


def _nearest(start: str, parents: Mapping[str, str | None], among: Collection[str]) -> str | None:
    at = parents.get(start)
    while at is not None and at not in among:
        at = parents.get(at)
    return at


def _covered(
    start: str, parents: Mapping[str, str | None], selected: Collection[str], observed: Collection[str]
) -> bool:
    both = [k for k in selected if k in observed]
    return _nearest(start, parents, both) is not None


def topmost_objects(objects: Sequence[MeasuredObject], selected: Collection[str]) -> list[MeasuredObject]:
    """Objects of the selection that are below no other of it."""
    parents = {o.object_id: o.parent_id for o in objects}
    return [o for o in objects if o.object_id in selected and _nearest(o.object_id, parents, selected) is None]


def object_lineage(start: str, objects: Sequence[MeasuredObject]) -> list[MeasuredObject]:
    """Return the object and its ancestors, upwards."""
    by_id = {o.object_id: o for o in objects}
    found = []
    at = by_id.get(start)
    while at is not None:
        found.append(at)
        at = by_id.get(at.parent_id) if at.parent_id else None
    return found
