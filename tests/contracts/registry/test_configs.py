"""Desired configurations."""

from dataclasses import replace

import pytest

from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.inventory import AssetRepository
from application.ports.registry import Registry
from devices.errors import NotFound, VersionMismatch
from tests.contracts.registry.making import binding, with_assets

WANTED = DesiredConfig("lamp-1", "kl", "streetlight", 0, {"reporting_interval_s": 30.0}, 100)


def unpublished(registry: Registry) -> list[str]:
    with registry.read() as tx:
        return [config.asset_id for config in tx.get(DesiredConfigs).unpublished()]


def test_versions_rise_by_one_and_are_expected(registry: Registry) -> None:
    with registry.write() as tx:
        configs = tx.get(DesiredConfigs)
        with pytest.raises(NotFound):
            configs.get("lamp-1")
        assert configs.put(WANTED, 0) == replace(WANTED, version=1)
        second = configs.put(replace(WANTED, body={}, changed_us=200), 1)
        assert second == replace(WANTED, version=2, body={}, changed_us=200)
        for wrong in (0, 1, 3):
            with pytest.raises(VersionMismatch):
                configs.put(WANTED, wrong)
        with pytest.raises(VersionMismatch):
            configs.put(replace(WANTED, asset_id="lamp-2"), 1)
        assert configs.get("lamp-1") == second


def test_reporting_intervals_are_told_where_one_is_configured(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(DesiredConfigs).put(WANTED, 0)
        tx.get(DesiredConfigs).put(replace(WANTED, asset_id="lamp-2", body={}), 0)
    with registry.read() as tx:
        assert tx.get(DesiredConfigs).reporting_intervals_s(["lamp-1", "lamp-2", "none"]) == {"lamp-1": 30.0}


def test_only_bound_assets_whose_current_version_is_not_out_are_unpublished(registry: Registry) -> None:
    with_assets(registry, "lamp-1", "lamp-2", "lamp-3")
    with registry.write() as tx:
        tx.get(AssetRepository).bind(binding("lamp-1", "c-1", 1))
        tx.get(AssetRepository).bind(binding("lamp-2", "c-2", 1))
        tx.get(DesiredConfigs).put(WANTED, 0)
        tx.get(DesiredConfigs).put(replace(WANTED, asset_id="lamp-2", changed_us=50), 0)
        tx.get(DesiredConfigs).put(replace(WANTED, asset_id="lamp-3", changed_us=10), 0)
    assert unpublished(registry) == ["lamp-2", "lamp-1"]
    with registry.write() as tx:
        tx.get(DesiredConfigs).mark_published("lamp-1", 1)
        tx.get(DesiredConfigs).put(replace(WANTED, asset_id="lamp-2"), 1)
        tx.get(DesiredConfigs).mark_published("lamp-2", 1)
    assert unpublished(registry) == ["lamp-2"]
    with registry.write() as tx:
        tx.get(DesiredConfigs).mark_published("lamp-2", 2)
        tx.get(DesiredConfigs).mark_published("lamp-2", 1)
    assert unpublished(registry) == []
    with registry.write() as tx:
        tx.get(DesiredConfigs).mark_unpublished("lamp-1")
        assert tx.get(DesiredConfigs).get("lamp-1").published_version is None
        assert tx.get(DesiredConfigs).get("lamp-2").published_version == 2
    assert unpublished(registry) == ["lamp-1"]


def test_applied_versions_are_kept_over_changes(registry: Registry) -> None:
    with registry.write() as tx:
        configs = tx.get(DesiredConfigs)
        configs.put(WANTED, 0)
        configs.mark_applied("lamp-1", 1)
        configs.mark_applied("nobody", 1)
        configs.put(WANTED, 1)
        assert configs.get("lamp-1").applied_version == 1
