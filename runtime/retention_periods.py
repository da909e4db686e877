"""How long data are kept, as the settings say within what classes and kinds allow."""

from collections.abc import Mapping
from dataclasses import replace

from application.privacy.data_classes import kept_classes
from devices.errors import ConfigurationError
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog, discover_kinds
from runtime.settings import Settings


def catalog_of(settings: Settings) -> KindCatalog:
    """The kinds with the retention of the settings. Raises ConfigurationError that names the key."""
    found, wanted = discover_kinds(), settings.retention
    for section, days in (("raw_days", wanted.raw_days), ("rollup_days", wanted.rollup_days)):
        _require_known(section, days, found)
    return KindCatalog({name: _retained(kind, settings) for name, kind in found.items()})


def days_of(settings: Settings, catalog: KindCatalog) -> Mapping[str, int]:
    """Days that each class of data in the registry is kept. Raises ConfigurationError that names the key."""
    classes, wanted = kept_classes(catalog.values()), settings.retention.days
    _require_known("days", wanted, classes)
    for name, days in wanted.items():
        kept = classes[name]
        if not kept.least <= days <= kept.most:
            raise ConfigurationError(f"retention.days.{name}: must be {kept.least} to {kept.most}")
    return {name: wanted.get(name, kept.days) for name, kept in classes.items()}


def _retained(kind: DeviceKind, settings: Settings) -> DeviceKind:
    wanted, limits = settings.retention, kind.limits
    raw = wanted.raw_days.get(kind.name, limits.raw_retention_days)
    rollups = wanted.rollup_days.get(kind.name, max(raw, limits.rollup_retention_days))
    if rollups < raw:
        raise ConfigurationError(f"retention.rollup_days.{kind.name}: must not be less than the raw data's {raw}")
    return replace(kind, limits=replace(limits, raw_retention_days=raw, rollup_retention_days=rollups))


def _require_known(section: str, given: Mapping[str, int], known: Mapping[str, object]) -> None:
    for name in given:
        if name not in known:
            raise ConfigurationError(f"retention.{section}.{name}: is none of {', '.join(sorted(known))}")
