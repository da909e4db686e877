"""The event book, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from application.kinds.event_network.ports import EventFilter, EventRepository, RecentLinks
from application.ports.inventory import Asset, AssetRepository
from devices.errors import Conflict, NotFound, VersionMismatch
from devices.event_network.city_event import (
    BookedObject,
    Booking,
    BookingKind,
    CityEvent,
    DownIs,
    EventArea,
    EventKind,
    EventState,
    MeasuredObject,
    TestedCapacity,
)
from devices.event_network.recent_samples import Counted, RecentSamples
from devices.time_us import DAY_US, HOUR_US
from storage.registry.engine import SqlRegistry, open_registry

START_US = 1_790_000_000_000_000
NODES = ("core", "case-1", "case-2")


@pytest.fixture(params=["sqlite", "postgres"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRegistry]:
    url = f"sqlite:///{tmp_path}/registry.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    opened = open_registry(url)
    with opened.write() as tx:
        inventory = tx.get(AssetRepository)
        known = inventory.many(NODES)
        for node in NODES:
            if node not in known:
                inventory.add(Asset(node, "kl", "event_network", node, START_US))
    yield opened
    opened.close()


def event(name: str, day: int = 0, *, node: str = "core", state: EventState = EventState.CONFIRMED) -> CityEvent:
    """An event of one day with everything in it."""
    start = START_US + day * DAY_US
    square = {"type": "Polygon", "coordinates": [[[7.76, 49.44], [7.77, 49.44], [7.77, 49.45], [7.76, 49.44]]]}
    booked = (BookedObject("ssid", start, None),)
    return CityEvent(
        event_id=name,
        tenant_id="kl",
        name=f"Altstadtfest {name}",
        kind=EventKind.FAIR,
        time_zone="Europe/Berlin",
        setup_from_us=start,
        service_from_us=start + 2 * HOUR_US,
        service_to_us=start + 20 * HOUR_US,
        teardown_to_us=start + 22 * HOUR_US,
        place_name="Stiftsplatz",
        place_polygon=square,
        organiser_ref="org-7",
        expected_attendees=100_000,
        areas=(EventArea("stage", "Bühne", square), EventArea("market", "Markt")),
        objects=(
            MeasuredObject("up", node, "uplink", down_is=DownIs.IN, role="uplink", medium="fiber"),
            MeasuredObject("ssid", node, "ssid:visitors", "up", "stage", "visitors", planned_lat=49.44),
        ),
        bookings=(
            Booking("v", "visitors", "stage", 400_000_000, 100_000_000, BookingKind.GUARANTEED, 1.0, objects=booked),
            Booking("c", "cameras", None, up_bps=50_000_000),
        ),
        state=state,
        created_us=START_US,
        changed_us=START_US,
    )


@pytest.fixture
def empty(registry: SqlRegistry) -> SqlRegistry:
    """A registry whose book is empty, whatever ran before."""
    with registry.write() as tx:
        book = tx.get(EventRepository)
        for old in book.find(EventFilter(), 500).items:
            book.change(replace(old, state=EventState.DRAFT))
            book.remove(old.event_id)
    return registry


def add(registry: SqlRegistry, *events: CityEvent) -> None:
    with registry.write() as tx:
        for one in events:
            tx.get(EventRepository).add(one)


def get(registry: SqlRegistry, event_id: str) -> CityEvent:
    with registry.read() as tx:
        return tx.get(EventRepository).get(event_id)


def test_an_event_comes_back_as_it_was_filed(empty: SqlRegistry) -> None:
    add(empty, event("a"))
    assert get(empty, "a") == event("a")


def test_an_unknown_event_is_not_found(empty: SqlRegistry) -> None:
    with pytest.raises(NotFound):
        get(empty, "nothing")


def test_an_id_is_used_once(empty: SqlRegistry) -> None:
    add(empty, event("a"))
    with pytest.raises(Conflict):
        add(empty, event("a", day=9, node="case-1"))


def test_a_change_makes_a_new_version_and_replaces_the_parts(empty: SqlRegistry) -> None:
    add(empty, event("a"))
    longer = replace(event("a"), teardown_to_us=event("a").teardown_to_us + HOUR_US, bookings=())
    with empty.write() as tx:
        changed = tx.get(EventRepository).change(longer)
    assert changed == replace(longer, version=2)
    assert get(empty, "a") == changed


def test_a_change_of_an_old_version_is_refused_and_changes_nothing(empty: SqlRegistry) -> None:
    add(empty, event("a"))
    with empty.write() as tx:
        tx.get(EventRepository).change(event("a"))
    with pytest.raises(VersionMismatch), empty.write() as tx:
        tx.get(EventRepository).change(replace(event("a"), name="late", bookings=()))
    assert get(empty, "a").name == "Altstadtfest a"
    with pytest.raises(NotFound), empty.write() as tx:
        tx.get(EventRepository).change(event("nothing"))


def test_a_node_serves_one_event_at_a_time(empty: SqlRegistry) -> None:
    add(empty, event("a"), event("other-node", node="case-1"), event("next-day", day=1))
    with pytest.raises(Conflict, match="core serves Altstadtfest a"):
        add(empty, replace(event("b"), setup_from_us=event("a").teardown_to_us - 1))
    with pytest.raises(NotFound):
        get(empty, "b")


def test_a_draft_takes_no_node_until_it_is_confirmed(empty: SqlRegistry) -> None:
    add(empty, event("a"), event("draft", state=EventState.DRAFT))
    with pytest.raises(Conflict), empty.write() as tx:
        tx.get(EventRepository).change(event("draft"))
    with empty.write() as tx:
        tx.get(EventRepository).change(replace(event("a"), state=EventState.CANCELLED))
        tx.get(EventRepository).change(event("draft"))


def test_a_node_that_leaves_early_is_free_for_the_next(empty: SqlRegistry) -> None:
    first = event("a")
    until = first.setup_from_us + HOUR_US
    add(empty, replace(first, objects=tuple(replace(o, until_us=until) for o in first.objects)))
    add(empty, replace(event("b"), setup_from_us=until))


def test_of_two_who_take_a_node_at_once_one_is_refused(empty: SqlRegistry) -> None:
    gate, results = threading.Barrier(2, timeout=20), list[str]()

    def file(name: str) -> None:
        gate.wait()
        try:
            add(empty, event(name))
        except Conflict:
            results.append("refused")
        else:
            results.append("filed")

    threads = [threading.Thread(target=file, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == ["filed", "refused"]


def test_only_a_draft_can_be_removed(empty: SqlRegistry) -> None:
    add(empty, event("a"), event("draft", state=EventState.DRAFT))
    with empty.write() as tx:
        tx.get(EventRepository).remove("draft")
    with pytest.raises(Conflict), empty.write() as tx:
        tx.get(EventRepository).remove("a")
    with pytest.raises(NotFound):
        get(empty, "draft")


def test_the_schedule_moves_the_state_and_leaves_the_version(empty: SqlRegistry) -> None:
    add(empty, event("a"), event("draft", 3, state=EventState.DRAFT), event("past", 5, state=EventState.CLOSED))
    with empty.write() as tx:
        book = tx.get(EventRepository)
        assert [e.event_id for e in book.running()] == ["a"]
        book.set_state("a", EventState.LIVE)
        with pytest.raises(NotFound):
            book.set_state("nothing", EventState.LIVE)
    assert get(empty, "a") == event("a", state=EventState.LIVE)


def test_lists_by_tenant_state_node_and_time_latest_first_in_pages(empty: SqlRegistry) -> None:
    add(empty, event("a"), event("b", 1), event("c", 2), replace(event("d", 3, node="case-1"), tenant_id="speyer"))

    def found(**which: object) -> list[str]:
        with empty.read() as tx:
            return [e.event_id for e in tx.get(EventRepository).find(EventFilter(**which)).items]  # type: ignore[arg-type]

    assert found() == ["d", "c", "b", "a"]
    assert found(tenant_ids={"kl"}) == ["c", "b", "a"]
    assert found(tenant_ids=()) == []
    assert found(states=[EventState.LIVE]) == []
    assert found(asset_id="case-1") == ["d"]
    assert found(from_us=event("b", 1).setup_from_us, to_us=event("c", 2).setup_from_us + 1) == ["c", "b"]
    with empty.read() as tx:
        first = tx.get(EventRepository).find(EventFilter(), 3)
        rest = tx.get(EventRepository).find(EventFilter(), 3, first.next_cursor)
    assert [e.event_id for e in [*first.items, *rest.items]] == ["d", "c", "b", "a"]
    assert rest.next_cursor is None


def test_says_which_event_a_node_serves_now(empty: SqlRegistry) -> None:
    add(empty, event("a"), event("draft", node="case-1", state=EventState.DRAFT))
    during, after = event("a").service_from_us, event("a").teardown_to_us
    with empty.read() as tx:
        book = tx.get(EventRepository)
        assert {k: e.event_id for k, e in book.serving(NODES, during).items()} == {"core": "a"}
        assert book.serving(NODES, after) == {}
        assert book.serving([], during) == {}


def test_the_newest_samples_of_links_come_back_as_they_were_put(empty: SqlRegistry) -> None:
    counted: list[Counted] = [(START_US, {"in_octets": 2**63 - 1, "boot_id": "b"}), (START_US + 5, {"out_octets": 1})]
    link = RecentSamples("case-2", "uplink", "kl", counted, {"speed_bps": (START_US, 10**9), "oper_status": (5, "UP")})
    with empty.write() as tx:
        tx.get(RecentLinks).put([RecentSamples("case-2", "uplink", "kl"), RecentSamples("case-1", "", "kl")])
        tx.get(RecentLinks).put([link])
        tx.get(RecentLinks).put([])
    with empty.read() as tx:
        assert tx.get(RecentLinks).of_assets(["case-2"]) == [link]
        assert tx.get(RecentLinks).of_assets([]) == []


def test_the_newest_capacity_test_counts_whatever_the_order(empty: SqlRegistry) -> None:
    def test(node: str, at: int, bps: int, direction: str = "down") -> TestedCapacity:
        return TestedCapacity(node, "uplink", direction, "kl", at, bps, "y1564")

    with empty.write() as tx:
        book = tx.get(EventRepository)
        book.put_tests([test("case-2", 5, 500), test("case-2", 7, 700), test("case-2", 6, 600)])
        book.put_tests([test("case-2", 4, 400), test("case-2", 9, 900, "up")])
        book.put_tests([])
        assert [(t.direction, t.result_bps) for t in book.tests(["case-2"])] == [("down", 700), ("up", 900)]
