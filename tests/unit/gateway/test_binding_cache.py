"""A copy of the registry's bindings that asks no more than it must and forgets when something changed."""

from dataclasses import replace

import pytest

from application.ports.inventory import DeviceBinding
from application.ports.loans import Loan
from devices.samples import Sample
from devices.topics import UplinkTopic
from gateway.binding_cache import BindingCache
from tests.unit.gateway.fakes import MemoryInventory, MemoryLoans, MemoryMemberships


@pytest.fixture
def inventory() -> MemoryInventory:
    inventory = MemoryInventory()
    inventory.register("l1")
    return inventory


def test_known_and_unknown_devices_are_asked_for_once(inventory: MemoryInventory) -> None:
    bindings = BindingCache()
    for _ in range(3):
        bindings.refresh(inventory, MemoryLoans(), MemoryMemberships(), {"l1", "stranger"})  # type: ignore[arg-type]
    assert inventory.asked == [{"l1", "stranger"}]
    assert [b.asset_id for b in bindings.of_device("l1")] == ["a-l1"]
    assert bindings.of_device("stranger") == ()


def test_registering_a_stranger_is_seen_at_the_next_refresh(inventory: MemoryInventory) -> None:
    bindings = BindingCache()
    bindings.refresh(inventory, MemoryLoans(), MemoryMemberships(), {"stranger"})  # type: ignore[arg-type]
    inventory.register("stranger")
    bindings.refresh(inventory, MemoryLoans(), MemoryMemberships(), {"stranger"})  # type: ignore[arg-type]
    assert [b.asset_id for b in bindings.of_device("stranger")] == ["a-stranger"]


def test_assets_are_forgotten_with_the_revision(inventory: MemoryInventory) -> None:
    bindings = BindingCache()
    bindings.refresh(inventory, MemoryLoans(), MemoryMemberships(), ())  # type: ignore[arg-type]
    assert bindings.assets(inventory, ["a-l1", "none"]).keys() == {"a-l1"}  # type: ignore[arg-type]
    del inventory.assets["a-l1"]
    assert bindings.assets(inventory, ["a-l1"]).keys() == {"a-l1"}  # type: ignore[arg-type]
    inventory.changes += 1
    bindings.refresh(inventory, MemoryLoans(), MemoryMemberships(), ())  # type: ignore[arg-type]
    assert bindings.assets(inventory, ["a-l1"]) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(("ts_us", "asset"), [(5, "one"), (10, "one"), (19, "one"), (20, "two"), (99, "two")])
def test_binding_in_force_at_an_instant(ts_us: int, asset: str) -> None:
    some = (DeviceBinding("one", "d", "kl", "lamp", 10, 20), DeviceBinding("two", "d", "kl", "lamp", 20, 50))
    assert BindingCache.at(some, ts_us).asset_id == asset


def test_what_a_lent_device_says_is_the_borrowers_whether_it_is_well_formed_or_not(inventory: MemoryInventory) -> None:
    bindings, loans = BindingCache(), MemoryLoans()
    loans.kept.append(Loan("x", "a-l1", "kl", "zw", 10, 20))
    bindings.refresh(inventory, loans, MemoryMemberships(), {"l1"})  # type: ignore[arg-type]
    samples = tuple(Sample("a-l1", "lamp", "kl", "telemetry", "", ts, 30, {}) for ts in (9, 10, 19, 20))
    assert [s.tenant_id for s in bindings.given(samples)] == ["kl", "zw", "zw", "kl"]
    uplink = UplinkTopic("kl", "lamp", "l1", "telemetry")
    assert [bindings.holder(uplink, ts) for ts in (9, 10, 20)] == ["kl", "zw", "kl"]
    impostor = replace(uplink, tenant_id="bund")
    assert bindings.holder(impostor, 15) == "bund"


def test_a_loan_is_seen_at_the_next_refresh(inventory: MemoryInventory) -> None:
    bindings, loans = BindingCache(), MemoryLoans()
    bindings.refresh(inventory, loans, MemoryMemberships(), ())  # type: ignore[arg-type]
    loans.kept.append(Loan("x", "a-l1", "kl", "zw", 10, 20))
    inventory.changes += 1
    bindings.refresh(inventory, loans, MemoryMemberships(), ())  # type: ignore[arg-type]
    assert bindings.ownership(inventory.assets["a-l1"]).at(15) == "zw"
