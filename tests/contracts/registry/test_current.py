"""Newest values and rule states."""

from dataclasses import replace
from types import MappingProxyType

from application.ports.inventory import AssetRepository
from application.ports.latest_values import LatestValues, RuleStates
from application.ports.registry import Registry
from tests.contracts.registry.making import latest, with_assets

VALUES = {
    "level_pct": 0.1 + 0.2,
    "tiny": 5e-324,
    "in_octets": 2**64 - 1,
    "on": True,
    "hours": -3,
    "text": 'Ü"\\\x00😀',
    "faults": ["a", "b"],
}


def test_values_come_back_exactly(registry: Registry) -> None:
    row = latest("lamp-1", values=VALUES, suspect=True)
    with registry.write() as tx:
        tx.get(LatestValues).put([row])
    with registry.read() as tx:
        (read,) = tx.get(LatestValues).of_assets(["lamp-1"])
    assert read == row
    assert [type(value) for value in read.values.values()] == [type(value) for value in VALUES.values()]


def test_any_mapping_is_kept(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(LatestValues).put([latest("lamp-1", values=MappingProxyType({"a": 1}))])
        assert tx.get(LatestValues).of_assets(["lamp-1"])[0].values == {"a": 1}


def test_a_newer_row_replaces_only_its_channel_and_part(registry: Registry) -> None:
    state, port = latest("lamp-1", channel="state"), latest("lamp-1", part="port-1")
    newer = latest("lamp-1", ts_us=99, received_us=100, values={"power_w": 2.0}, tenant_id="zw", suspect=True)
    with registry.write() as tx:
        tx.get(LatestValues).put([latest("lamp-1"), state, port])
    with registry.write() as tx:
        tx.get(LatestValues).put([newer])
    with registry.read() as tx:
        assert tx.get(LatestValues).of_assets(["lamp-1", "lamp-2"]) == [state, newer, port]


def test_of_two_rows_in_one_call_the_later_stays(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(LatestValues).put([latest("lamp-1", ts_us=1), latest("lamp-1", ts_us=2)])
        tx.get(LatestValues).put([])
        assert [row.ts_us for row in tx.get(LatestValues).of_assets(["lamp-1"])] == [2]


def test_a_kind_is_read_in_order_of_asset_and_part(registry: Registry) -> None:
    rows = [
        latest("b", part="2"),
        latest("a", channel="state"),
        latest("b", part="1", tenant_id="zw"),
        latest("a"),
        latest("d", kind="fire_drone"),
    ]
    with registry.write() as tx:
        tx.get(LatestValues).put(rows)
    with registry.read() as tx:
        values = tx.get(LatestValues)
        assert values.of_kind("streetlight") == [rows[1], rows[3], rows[2], rows[0]]
        assert values.of_kind("streetlight", {"kl"}, "telemetry") == [rows[3], rows[0]]
        assert values.of_kind("streetlight", ()) == []
        assert values.of_kind("toaster") == []


def test_thousands_of_rows_in_one_call(registry: Registry) -> None:
    rows = [latest(f"lamp-{number:05}", ts_us=number) for number in range(5000)]
    with registry.write() as tx:
        tx.get(LatestValues).put(rows)
    with registry.read() as tx:
        assert tx.get(LatestValues).of_kind("streetlight") == rows
        assert len(tx.get(LatestValues).of_assets([row.asset_id for row in rows])) == 5000


def test_rule_states_are_replaced_per_asset(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(RuleStates).put(
            {"lamp-1": {"lamp_failed": {"since_us": 5}, "silent": {}}, "lamp-2": {"silent": {"n": 1}}}
        )
    with registry.write() as tx:
        tx.get(RuleStates).put({"lamp-1": {"silent": {"n": 2}}})
        tx.get(RuleStates).put({})
    with registry.read() as tx:
        states = tx.get(RuleStates).load(["lamp-1", "lamp-2", "lamp-3"])
    assert states == {"lamp-1": {"silent": {"n": 2}}, "lamp-2": {"silent": {"n": 1}}}


def test_a_retired_asset_is_out_of_its_kind_but_keeps_its_rows(registry: Registry) -> None:
    with_assets(registry, "lamp-1", "lamp-2")
    with registry.write() as tx:
        tx.get(LatestValues).put([latest("lamp-1"), latest("lamp-2")])
        inventory = tx.get(AssetRepository)
        inventory.change(replace(inventory.get("lamp-1"), retired_us=5))
    with registry.read() as tx:
        assert tx.get(LatestValues).of_kind("streetlight") == [latest("lamp-2")]
        assert tx.get(LatestValues).of_assets(["lamp-1"]) == [latest("lamp-1")]
