"""What the folders `storage/kinds/<kind>/` bring: repositories, tables and migrations. Found at start."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection

import storage.kinds
from devices.errors import ConfigurationError
from devices.kind_catalog import sub_packages
from storage.registry.retention_classes import CLASSES, DataClass

Repository = Callable[[Connection], object]
"""Makes the adapter of one port on an open transaction."""


def repositories_of_kinds(package: ModuleType = storage.kinds) -> dict[type, Repository]:
    """Every kind's `REPOSITORIES`; importing them also declares their tables. Raises ConfigurationError on a clash."""
    found: dict[type, Repository] = {}
    for module in sub_packages(package):
        own: Mapping[type, Repository] = getattr(module, "REPOSITORIES", {})
        for port in own:
            if port in found:
                raise ConfigurationError(f"{module.__name__} and another kind both implement {port.__name__}")
        found.update(own)
    return found


def retained_of_kinds(package: ModuleType = storage.kinds) -> dict[str, DataClass]:
    """Every kind's `RETAINED`: where its classes of data stand. Raises ConfigurationError on a clash."""
    found = dict(CLASSES)
    for module in sub_packages(package):
        own: Mapping[str, DataClass] = getattr(module, "RETAINED", {})
        clash = found.keys() & own.keys()
        if clash:
            raise ConfigurationError(f"{module.__name__}: another has data of the class {', '.join(clash)}")
        found.update(own)
    return found


def migration_folders(package: ModuleType = storage.kinds) -> tuple[Path, ...]:
    """Folders `migrations` of the kinds that have one, in order of kind."""
    roots = [Path(place) for module in sub_packages(package) for place in module.__path__]
    return tuple(root / "migrations" for root in roots if (root / "migrations").is_dir())
