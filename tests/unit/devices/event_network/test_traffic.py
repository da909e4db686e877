"""Sums in which each bit counts once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.event_network.city_event import MeasuredObject
from devices.event_network.traffic import TrafficFlow, topmost_objects, traffic_shares
from tests.unit.devices.event_network.plans import objects

ALL = frozenset(o.object_id for o in objects())
FLOWS = {
    "uplink": TrafficFlow(100),
    "port": TrafficFlow(70),
    "stage": TrafficFlow(40),
    "cameras": TrafficFlow(20),
    "market": TrafficFlow(25),
}


@pytest.mark.parametrize(
    ("selected", "bps"),
    [
        (ALL, 100),
        ({"stage"}, 40),
        ({"stage", "market"}, 65),
        ({"uplink"}, 5),
        ({"uplink", "port"}, 15),
        ({"port", "stage"}, 50),
        (set(), None),
    ],
)
def test_a_parent_adds_only_what_no_child_carries(selected: set[str], bps: float | None) -> None:
    assert traffic_shares(objects(), selected, ALL).total(FLOWS).bps == bps


def test_a_silent_object_is_covered_by_its_parent_and_otherwise_missing() -> None:
    heard = ALL - {"stage"}
    with_parent = traffic_shares(objects(), {"port", "stage"}, heard)
    assert (with_parent.total(FLOWS).bps, with_parent.coverage_pct) == (50, 100)
    alone = traffic_shares(objects(), {"stage", "market"}, heard)
    assert (alone.total(FLOWS).bps, alone.coverage_pct) == (25, 50)
    assert traffic_shares(objects(), {"stage"}, heard).total(FLOWS) == TrafficFlow()


def test_children_of_a_silent_parent_still_count_once() -> None:
    heard = ALL - {"port"}
    assert traffic_shares(objects(), ALL, heard).total(FLOWS).bps == 100
    assert traffic_shares(objects(), {"uplink"}, heard).total(FLOWS).bps == 15


def test_a_sum_of_peaks_is_told_as_a_bound() -> None:
    flows = {"stage": TrafficFlow(40, 60), "market": TrafficFlow(25, 30)}
    both = traffic_shares(objects(), {"stage", "market"}, flows).total(flows)
    assert (both.peak_bps, both.peak_is_bound) == (90, True)
    difference = traffic_shares(objects(), {"port"}, {"port", "stage"}).total(
        {"port": TrafficFlow(70, 99), "stage": TrafficFlow(40, 60)}
    )
    assert (difference.bps, difference.peak_bps) == (30, None)
    one = traffic_shares(objects(), {"stage"}, flows).total(flows)
    assert (one.peak_bps, one.peak_is_bound) == (60, False)


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[MeasuredObject], dict[str, TrafficFlow]]:
    """Objects whose parents come before them, and flows where a parent carries its children and something more."""
    number = draw(st.integers(1, 12))
    own = draw(st.lists(st.integers(0, 1000), min_size=number, max_size=number))
    parents = [None, *(draw(st.one_of(st.none(), st.integers(0, i - 1))) for i in range(1, number))]
    totals = list(own)
    for i in range(number - 1, 0, -1):
        parent = parents[i]
        if parent is not None:
            totals[parent] += totals[i]
    areas = draw(st.lists(st.sampled_from(["a", "b", None]), min_size=number, max_size=number))
    found = [
        MeasuredObject(f"o{i}", "n", f"p{i}", None if parents[i] is None else f"o{parents[i]}", areas[i])
        for i in range(number)
    ]
    return found, {f"o{i}": TrafficFlow(float(totals[i])) for i in range(number)}


@given(trees(), st.data())
def test_areas_sum_up_to_the_whole_whatever_the_tree_and_whoever_is_silent(
    tree: tuple[list[MeasuredObject], dict[str, TrafficFlow]], data: st.DataObject
) -> None:
    found, flows = tree
    ids = [o.object_id for o in found]
    heard = data.draw(st.sets(st.sampled_from(ids)))
    parts = [
        traffic_shares(found, {o.object_id for o in found if o.area_id == area}, heard).total(flows).bps
        for area in ("a", "b", None)
    ]
    whole = traffic_shares(found, ids, heard).total(flows).bps
    assert sum(p or 0 for p in parts) == (whole or 0)


def test_tops_are_below_no_other_of_the_selection() -> None:
    assert [o.object_id for o in topmost_objects(objects(), ALL)] == ["uplink"]
    assert [o.object_id for o in topmost_objects(objects(), {"stage", "market", "cameras"})] == [
        "stage",
        "cameras",
        "market",
    ]
