"""Assets, bindings, unknown devices."""

from dataclasses import replace

import pytest

from application.ports.inventory import (
    Asset,
    AssetFilter,
    AssetGroup,
    AssetRepository,
    DeviceBinding,
    GroupRepository,
    UnknownDevice,
)
from application.ports.latest_values import LatestValues
from application.ports.registry import Registry
from devices.errors import Conflict, Invalid, NotFound, VersionMismatch
from storage.registry.row_statements import CHUNK
from tests.contracts.registry.making import asset, binding, latest, with_assets

LAMP = Asset("lamp-1", "kl", "streetlight", "Fauthweg 1", 5, 49.44, 7.77, {"rated_w": 40, "tags": ["ü"]}, "node-1")


def found(registry: Registry, which: AssetFilter) -> list[str]:
    with registry.read() as tx:
        return [a.asset_id for a in tx.get(AssetRepository).find(which).items]


def test_an_asset_comes_back_as_it_was_added(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).add(LAMP)
    with registry.read() as tx:
        assert tx.get(AssetRepository).get("lamp-1") == LAMP
        assert tx.get(AssetRepository).many(["lamp-1", "nothing"]) == {"lamp-1": LAMP}


def test_a_known_id_is_a_conflict_and_the_transaction_stays_usable(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).add(LAMP)
        with pytest.raises(Conflict):
            tx.get(AssetRepository).add(replace(LAMP, name="another"))
        tx.get(AssetRepository).add(asset("lamp-2"))
    with registry.read() as tx:
        assert tx.get(AssetRepository).get("lamp-1").name == "Fauthweg 1"
        assert tx.get(AssetRepository).get("lamp-2").name == "lamp-2"


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        with pytest.raises(NotFound):
            inventory.get("lamp-1")
        with pytest.raises(NotFound):
            inventory.change(LAMP)
        with pytest.raises(NotFound):
            inventory.bind(binding("lamp-1", "c-1", 10))
        with pytest.raises(NotFound):
            inventory.get_unknown("c-1")


def test_a_change_needs_the_current_version(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).add(LAMP)
        changed = tx.get(AssetRepository).change(replace(LAMP, name="Fauthweg 1a", via=None, retired_us=9))
        assert changed == replace(LAMP, name="Fauthweg 1a", via=None, retired_us=9, version=2)
        with pytest.raises(VersionMismatch):
            tx.get(AssetRepository).change(replace(LAMP, name="lost"))
        assert tx.get(AssetRepository).get("lamp-1") == changed


def test_a_change_leaves_tenant_kind_and_creation(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).add(LAMP)
        assert tx.get(AssetRepository).change(replace(LAMP, tenant_id="x", kind="y", created_us=0)) == replace(
            LAMP, version=2
        )


def test_filters_narrow_the_list(registry: Registry) -> None:
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.add(asset("a", name="Überweg 50%"))
        inventory.add(asset("b", tenant_id="zw", name="Markt_1"))
        inventory.add(asset("c", kind="fire_drone", name="Fritz"))
        inventory.add(asset("d", retired_us=5))
        inventory.bind(binding("b", "Controller-77", 1))
        tx.get(GroupRepository).put(AssetGroup("g", "kl", "streetlight", "G", ("a",), 0))
    assert found(registry, AssetFilter()) == ["a", "b", "c"]
    assert found(registry, AssetFilter(include_retired=True)) == ["a", "b", "c", "d"]
    assert found(registry, AssetFilter(kinds={"streetlight"})) == ["a", "b"]
    assert found(registry, AssetFilter(kinds=())) == []
    assert found(registry, AssetFilter(tenant_ids={"zw"})) == ["b"]
    assert found(registry, AssetFilter(group_id="g")) == ["a"]
    assert found(registry, AssetFilter(text="überW")) == ["a"]
    assert found(registry, AssetFilter(text="%")) == ["a"]
    assert found(registry, AssetFilter(text="t_1")) == ["b"]
    assert found(registry, AssetFilter(text="controller-7")) == ["b"]


def test_the_status_filter_follows_the_status_channel(registry: Registry) -> None:
    with_assets(registry, "on", "off", "never")
    with registry.write() as tx:
        said = [latest("on", channel="status", values={"state": "online"}), latest("never")]
        tx.get(LatestValues).put([*said, latest("off", channel="status", values={"state": "offline"})])
    assert found(registry, AssetFilter(status="online")) == ["on"]
    assert found(registry, AssetFilter(status="offline")) == ["off"]
    assert found(registry, AssetFilter(status="unknown")) == ["never"]


def test_pages_are_stable_while_assets_are_added(registry: Registry) -> None:
    with_assets(registry, *(f"lamp-{number:02}" for number in range(0, 20, 2)))
    seen: list[str] = []
    cursor: str | None = None
    for step in range(4):
        with registry.read() as tx:
            page = tx.get(AssetRepository).find(AssetFilter(), limit=3, cursor=cursor)
        seen += [a.asset_id for a in page.items]
        cursor = page.next_cursor
        # One before what was read, which must not shift the pages.
        with_assets(registry, f"lamp-{2 * step:02}-late", f"a-{step}")
    assert cursor is None
    assert [s for s in seen if "late" not in s] == [f"lamp-{number:02}" for number in range(0, 20, 2)]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cursor", ["", "x", "WzFd", "ü", "eyJhIjoxfQ", "WyIAIl0"])
def test_a_foreign_cursor_is_invalid(registry: Registry, cursor: str) -> None:
    with registry.read() as tx, pytest.raises(Invalid):
        tx.get(AssetRepository).find(AssetFilter(), cursor=cursor)


def test_a_replaced_controller_keeps_the_history(registry: Registry) -> None:
    with_assets(registry, "lamp-1", "lamp-2")
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.bind(binding("lamp-1", "old", 10))
        inventory.bind(binding("lamp-1", "new", 50))
        inventory.bind(binding("lamp-2", "old", 70))
    with registry.read() as tx:
        inventory = tx.get(AssetRepository)
        assert inventory.bindings_of_asset("lamp-1") == (binding("lamp-1", "old", 10, 50), binding("lamp-1", "new", 50))
        assert inventory.bindings_of_devices(["old", "new", "none"]) == {
            "old": (binding("lamp-1", "old", 10, 50), binding("lamp-2", "old", 70)),
            "new": (binding("lamp-1", "new", 50),),
        }
        assert inventory.current_devices(["lamp-1", "lamp-2", "lamp-3"]) == {"lamp-1": "new", "lamp-2": "old"}


def test_a_device_that_moves_ends_both_running_bindings(registry: Registry) -> None:
    with_assets(registry, "lamp-1", "lamp-2")
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.bind(binding("lamp-1", "one", 10))
        inventory.bind(binding("lamp-2", "two", 10))
        inventory.bind(binding("lamp-2", "one", 30))
        assert inventory.current_devices(["lamp-1", "lamp-2"]) == {"lamp-2": "one"}
        assert inventory.bindings_of_devices(["two"]) == {"two": (binding("lamp-2", "two", 10, 30),)}


def test_binding_the_running_pair_again_changes_nothing(registry: Registry) -> None:
    with_assets(registry, "lamp-1")
    with registry.write() as tx:
        tx.get(AssetRepository).bind(binding("lamp-1", "c-1", 10))
        tx.get(AssetRepository).bind(binding("lamp-1", "c-1", 20))
        assert tx.get(AssetRepository).bindings_of_asset("lamp-1") == (binding("lamp-1", "c-1", 10),)


@pytest.mark.parametrize("from_us", [5, 10, 15, 19])
def test_bindings_never_overlap(registry: Registry, from_us: int) -> None:
    with_assets(registry, "lamp-1", "lamp-2")
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.bind(binding("lamp-1", "one", 10, 20))
        with pytest.raises(Conflict):
            inventory.bind(binding("lamp-1", "two", from_us))
        with pytest.raises(Conflict):
            inventory.bind(binding("lamp-2", "one", from_us))
        inventory.bind(binding("lamp-2", "one", 20))


def test_the_revision_rises_with_each_change(registry: Registry) -> None:
    revisions: list[int] = []

    def note() -> None:
        with registry.read() as tx:
            revisions.append(tx.get(AssetRepository).revision())

    note()
    with_assets(registry, "lamp-1")
    note()
    with registry.write() as tx:
        tx.get(AssetRepository).bind(binding("lamp-1", "c-1", 10))
    note()
    with registry.write() as tx:
        tx.get(AssetRepository).change(asset("lamp-1", name="new"))
    note()
    with registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("g", "kl", "streetlight", "G", ("lamp-1",), 0))
    note()
    with registry.write() as tx:
        tx.get(GroupRepository).remove("g")
    note()
    assert revisions == sorted(set(revisions))


def test_more_ids_than_a_statement_takes_are_answered(registry: Registry) -> None:
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        for number in range(CHUNK + 3):
            inventory.add(asset(f"lamp-{number}"))
            inventory.bind(binding(f"lamp-{number}", f"c-{number}", 1))
    with registry.read() as tx:
        inventory = tx.get(AssetRepository)
        assert len(inventory.many([f"lamp-{number}" for number in range(40_000)])) == CHUNK + 3
        assert len(inventory.bindings_of_devices([f"c-{number}" for number in range(2000)])) == CHUNK + 3
        assert len(inventory.current_devices([f"lamp-{number}" for number in range(2000)])) == CHUNK + 3


def unknown(device_id: str, at_us: int, messages: int = 1, tenant_id: str = "kl") -> UnknownDevice:
    return UnknownDevice(device_id, tenant_id, "streetlight", at_us, at_us, messages)


def test_unknown_devices_are_counted_and_keep_their_info(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).note_unknown([unknown("c-1", 10), replace(unknown("c-1", 20, 2), info={"maker": "M"})])
    with registry.write() as tx:
        tx.get(AssetRepository).note_unknown([unknown("c-1", 30), unknown("c-2", 5)])
    with registry.read() as tx:
        expected = UnknownDevice("c-1", "kl", "streetlight", 10, 30, 4, {"maker": "M"})
        assert tx.get(AssetRepository).get_unknown("c-1") == expected
        assert [u.device_id for u in tx.get(AssetRepository).unknown().items] == ["c-1", "c-2"]


def test_unknown_devices_can_be_listed_of_some_tenants(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).note_unknown([unknown("c-1", 10), unknown("c-2", 10, tenant_id="zw")])
        assert [u.device_id for u in tx.get(AssetRepository).unknown(tenant_ids={"zw"}).items] == ["c-2"]
        assert not tx.get(AssetRepository).unknown(kinds=()).items


def test_binding_and_forgetting_take_a_device_off_the_waiting_list(registry: Registry) -> None:
    with_assets(registry, "lamp-1")
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.note_unknown([unknown("c-1", 10), unknown("c-2", 10), unknown("c-3", 10)])
        inventory.bind(binding("lamp-1", "c-1", 20))
        inventory.forget_unknown("c-2")
        inventory.forget_unknown("c-2")
        assert [u.device_id for u in inventory.unknown().items] == ["c-3"]


def test_the_oldest_unknown_devices_leave_above_ten_thousand(registry: Registry) -> None:
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.note_unknown([unknown(f"c-{number:05}", 1000 + number) for number in range(10_000)])
        inventory.note_unknown([unknown("new-1", 1), unknown("new-2", 90_000)])
        left = inventory.unknown(limit=20_000).items
        assert len(left) == 10_000
        assert {"c-00000", "new-1"}.isdisjoint(u.device_id for u in left)
        assert inventory.get_unknown("new-2").messages == 1


def test_retiring_ends_the_binding(registry: Registry) -> None:
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.add(Asset("R1", "kl", "streetlight", "R1", 1))
        inventory.bind(DeviceBinding("R1", "r1", "kl", "streetlight", 1))
        inventory.change(replace(inventory.get("R1"), retired_us=50))
        assert [b.until_us for b in inventory.bindings_of_asset("R1")] == [50]
        assert inventory.current_devices(["R1"]) == {}
