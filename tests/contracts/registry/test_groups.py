"""Groups."""

from dataclasses import replace

import pytest

from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository
from application.ports.registry import Registry
from devices.errors import Conflict, NotFound, VersionMismatch
from tests.contracts.registry.making import asset, with_assets

NEW = AssetGroup("fauthweg", "kl", "streetlight", "Fauthweg", ("lamp-2", "lamp-1"), 0)


@pytest.fixture(autouse=True)
def lamps(registry: Registry) -> None:
    with_assets(registry, "lamp-1", "lamp-2", "lamp-3")


def test_a_group_is_created_and_changed_by_version(registry: Registry) -> None:
    with registry.write() as tx:
        created = tx.get(GroupRepository).put(NEW)
        assert created == replace(NEW, members=("lamp-1", "lamp-2"), version=1)
        changed = tx.get(GroupRepository).put(replace(created, name="F", members=("lamp-3",)))
        assert changed == AssetGroup("fauthweg", "kl", "streetlight", "F", ("lamp-3",), 2)
        with pytest.raises(VersionMismatch):
            tx.get(GroupRepository).put(created)
        with pytest.raises(Conflict):
            tx.get(GroupRepository).put(NEW)
        assert tx.get(GroupRepository).get("fauthweg") == changed


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    with registry.write() as tx:
        with pytest.raises(NotFound):
            tx.get(GroupRepository).get("fauthweg")
        with pytest.raises(NotFound):
            tx.get(GroupRepository).remove("fauthweg")
        with pytest.raises(NotFound):
            tx.get(GroupRepository).put(replace(NEW, version=3))


@pytest.mark.parametrize("stranger", ["nothing", "drone", "theirs"])
def test_members_are_assets_of_the_groups_tenant_and_kind(registry: Registry, stranger: str) -> None:
    with registry.write() as tx:
        tx.get(AssetRepository).add(asset("drone", kind="fire_drone"))
        tx.get(AssetRepository).add(asset("theirs", tenant_id="zw"))
    with pytest.raises(Conflict, match=stranger), registry.write() as tx:
        tx.get(GroupRepository).put(replace(NEW, members=("lamp-1", stranger)))
    with registry.read() as tx:
        assert tx.get(GroupRepository).list(None, None) == []


def test_groups_are_listed_in_order_and_found_by_member(registry: Registry) -> None:
    with registry.write() as tx:
        groups = tx.get(GroupRepository)
        groups.put(replace(NEW, group_id="b"))
        groups.put(replace(NEW, group_id="a", members=("lamp-1",)))
        groups.put(AssetGroup("c", "zw", "streetlight", "C", (), 0))
        assert [g.group_id for g in groups.list(None, None)] == ["a", "b", "c"]
        assert [g.group_id for g in groups.list({"kl"}, {"streetlight"})] == ["a", "b"]
        assert [g.group_id for g in groups.list(None, {"fire_drone"})] == []
        assert [g.group_id for g in groups.of_asset("lamp-2")] == ["b"]
        assert groups.of_asset("lamp-1")[1].members == ("lamp-1", "lamp-2")
        groups.remove("b")
        assert [g.group_id for g in groups.of_asset("lamp-1")] == ["a"]
