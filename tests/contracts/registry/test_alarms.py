"""The alarm book."""

from dataclasses import replace

import pytest

from devices.errors import NotFound
from devices.messages import Severity
from devices.ports.alarms import Alarms
from devices.ports.registry import Registry
from tests.contracts.registry.making import alarm


def test_an_alarm_is_raised_cleared_and_acknowledged(registry: Registry) -> None:
    raised = alarm("a-1", details={"power_w": 0.0, "text": "ü", "on": False}, severity=Severity.CRITICAL, part="x")
    with registry.write() as tx:
        tx.get(Alarms).add([raised])
        assert tx.get(Alarms).get("a-1") == raised
        assert tx.get(Alarms).open_of(["lamp-1", "lamp-2"]) == [raised]
        seen = tx.get(Alarms).acknowledge("a-1", "Eva", 50, "on my way")
        assert seen == replace(raised, acknowledged_us=50, acknowledged_by="Eva", comment="on my way")
        tx.get(Alarms).clear(["a-1", "nothing"], 60)
        tx.get(Alarms).clear(["a-1"], 70)
        assert tx.get(Alarms).get("a-1") == replace(seen, cleared_us=60)
        assert tx.get(Alarms).open_of(["lamp-1"]) == []


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    with registry.write() as tx:
        with pytest.raises(NotFound):
            tx.get(Alarms).get("a-1")
        with pytest.raises(NotFound):
            tx.get(Alarms).acknowledge("a-1", "Eva", 5, None)


def test_one_open_alarm_per_asset_name_and_part(registry: Registry) -> None:
    with registry.write() as tx:
        alarms = tx.get(Alarms)
        alarms.add([alarm("a-1"), alarm("a-2"), alarm("a-3", part="b"), alarm("a-1", part="c")])
        assert sorted(a.alarm_id for a in alarms.open_of(["lamp-1"])) == ["a-1", "a-3"]
        alarms.clear(["a-1"], 60)
        alarms.add([alarm("a-4")])
        assert sorted(a.alarm_id for a in alarms.open_of(["lamp-1"])) == ["a-3", "a-4"]


def test_alarms_are_listed_newest_first_and_filtered(registry: Registry) -> None:
    with registry.write() as tx:
        alarms = tx.get(Alarms)
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
        tx.get(Alarms).add([alarm(f"a-{n}", asset_id=f"l-{n}", raised_us=100 + n // 3) for n in range(9)])
    seen: list[str] = []
    cursor: str | None = None
    for step in range(3):
        with registry.write() as tx:
            page = tx.get(Alarms).find(limit=3, cursor=cursor)
            tx.get(Alarms).add([alarm(f"new-{step}", asset_id=f"n-{step}", raised_us=500)])
        seen += [a.alarm_id for a in page.items]
        cursor = page.next_cursor
    assert seen == [f"a-{n}" for n in reversed(range(9))]
    assert cursor is None
