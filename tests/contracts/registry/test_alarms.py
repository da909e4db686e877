"""The alarm book."""

from dataclasses import replace

import pytest

from application.ports.alarms import AlarmRepository
from application.ports.registry import Registry
from devices.alarms import AlarmNote
from devices.errors import NotFound
from devices.messages import EventSeverity
from tests.contracts.registry.making import alarm


def test_an_alarm_is_raised_cleared_and_acknowledged(registry: Registry) -> None:
    raised = alarm("a-1", details={"power_w": 0.0, "text": "ü", "on": False}, severity=EventSeverity.CRITICAL, part="x")
    with registry.write() as tx:
        tx.get(AlarmRepository).add([raised])
        assert tx.get(AlarmRepository).get("a-1") == raised
        assert tx.get(AlarmRepository).open_of(["lamp-1", "lamp-2"]) == [raised]
        seen = tx.get(AlarmRepository).acknowledge("a-1", "Eva", 50, "on my way")
        assert seen == replace(raised, acknowledged_us=50, acknowledged_by="Eva", comment="on my way")
        tx.get(AlarmRepository).clear(["a-1", "nothing"], 60)
        tx.get(AlarmRepository).clear(["a-1"], 70)
        assert tx.get(AlarmRepository).get("a-1") == replace(seen, cleared_us=60)
        assert tx.get(AlarmRepository).open_of(["lamp-1"]) == []


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    with registry.write() as tx:
        with pytest.raises(NotFound):
            tx.get(AlarmRepository).get("a-1")
        with pytest.raises(NotFound):
            tx.get(AlarmRepository).acknowledge("a-1", "Eva", 5, None)


def test_one_open_alarm_per_asset_name_and_part(registry: Registry) -> None:
    with registry.write() as tx:
        alarms = tx.get(AlarmRepository)
        alarms.add([alarm("a-1"), alarm("a-2"), alarm("a-3", part="b"), alarm("a-1", part="c")])
        assert sorted(a.alarm_id for a in alarms.open_of(["lamp-1"])) == ["a-1", "a-3"]
        alarms.clear(["a-1"], 60)
        alarms.add([alarm("a-4")])
        assert sorted(a.alarm_id for a in alarms.open_of(["lamp-1"])) == ["a-3", "a-4"]


def test_a_shelved_alarm_is_put_aside_for_its_time_and_so_is_its_return(registry: Registry) -> None:
    with registry.write() as tx:
        alarms = tx.get(AlarmRepository)
        alarms.add([alarm("a-1", raised_us=10), alarm("a-2", part="b", raised_us=10)])
        shelved = alarms.shelve("a-1", 100, AlarmNote(20, "Eva", "shelve", "until the crew was there"))
        assert (shelved.shelved_until_us, shelved.shelved_by) == (100, "Eva")
        assert (shelved.is_shelved(99), shelved.is_shelved(100)) == (True, False)
        assert [a.alarm_id for a in alarms.find(shelved=True, now_us=99).items] == ["a-1"]
        assert [a.alarm_id for a in alarms.find(shelved=False, now_us=99).items] == ["a-2"]
        assert len(alarms.find(shelved=False, now_us=100).items) == 2
        alarms.clear(["a-1"], 30)
        alarms.add([alarm("a-3", raised_us=40)])
        assert alarms.get("a-3").is_shelved(99)
        alarms.clear(["a-3"], 110)
        alarms.add([alarm("a-4", raised_us=120)])
        assert alarms.get("a-4").shelved_until_us is None
        back = alarms.shelve("a-1", None, AlarmNote(50, "Eva", "unshelve"))
        assert (back.shelved_until_us, back.shelved_by, [n.did for n in back.notes]) == (
            None,
            None,
            ["shelve", "unshelve"],
        )


def test_of_many_notes_the_newest_stay(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AlarmRepository).add([alarm("a-1")])
        noted = [tx.get(AlarmRepository).note("a-1", AlarmNote(n, "Eva", "comment", f"ü{n}")) for n in range(103)][-1]
        assert [noted.notes[0], noted.notes[-1]] == [
            AlarmNote(3, "Eva", "comment", "ü3"),
            AlarmNote(102, "Eva", "comment", "ü102"),
        ]


def test_the_gravest_open_alarm_of_each_asset_is_told(registry: Registry) -> None:
    with registry.write() as tx:
        alarms = tx.get(AlarmRepository)
        alarms.add(
            [
                alarm("a-1", severity=EventSeverity.WARNING),
                alarm("a-2", part="b", severity=EventSeverity.CRITICAL),
                alarm("a-3", part="c", severity=EventSeverity.INFO),
                alarm("b-1", asset_id="lamp-2", severity=EventSeverity.MAJOR),
                alarm("c-1", asset_id="drone", kind="fire_drone"),
                alarm("z-1", asset_id="far", tenant_id="zw"),
            ]
        )
        alarms.shelve("b-1", 100, AlarmNote(5, "Eva", "shelve"))
        mine = {"tenant_ids": {"kl"}, "kinds": {"streetlight"}}
        assert alarms.worst_of_open(50, **mine) == {"lamp-1": (EventSeverity.CRITICAL, 3)}
        assert alarms.worst_of_open(100, **mine)["lamp-2"] == (EventSeverity.MAJOR, 1)
        alarms.clear(["a-2"], 60)
        found = alarms.worst_of_open(50, tenant_ids={"kl"}, kinds=(), also={"lamp-1", "drone", "far"})
        assert found == {"lamp-1": (EventSeverity.WARNING, 2), "drone": (EventSeverity.MAJOR, 1)}


def test_alarms_are_listed_newest_first_and_filtered(registry: Registry) -> None:
    with registry.write() as tx:
        alarms = tx.get(AlarmRepository)
        rows = [alarm(f"a-{n}", asset_id=f"lamp-{n}", raised_us=100 + n // 2) for n in range(6)]
        alarms.add(
            [
                *rows,
                alarm("zw", tenant_id="zw", part="q", raised_us=1),
                alarm("dr", kind="fire_drone", part="p", raised_us=2),
            ]
        )
        alarms.clear(["a-5"], 900)
        ids = [a.alarm_id for a in alarms.find().items]
        assert ids == ["a-5", "a-4", "a-3", "a-2", "a-1", "a-0", "dr", "zw"]
        assert [a.alarm_id for a in alarms.find(tenant_ids={"zw"}).items] == ["zw"]
        assert [a.alarm_id for a in alarms.find(kinds={"fire_drone"}).items] == ["dr"]
        assert [a.alarm_id for a in alarms.find(asset_id="lamp-3").items] == ["a-3"]
        assert [a.alarm_id for a in alarms.find(only_open=True, limit=2).items] == ["a-4", "a-3"]


def test_pages_are_stable_while_alarms_are_raised(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AlarmRepository).add([alarm(f"a-{n}", asset_id=f"l-{n}", raised_us=100 + n // 3) for n in range(9)])
    seen: list[str] = []
    cursor: str | None = None
    for step in range(3):
        with registry.write() as tx:
            page = tx.get(AlarmRepository).find(limit=3, cursor=cursor)
            tx.get(AlarmRepository).add([alarm(f"new-{step}", asset_id=f"n-{step}", raised_us=500)])
        seen += [a.alarm_id for a in page.items]
        cursor = page.next_cursor
    assert seen == [f"a-{n}" for n in reversed(range(9))]
    assert cursor is None
