"""Finds the kinds: each sub-package of `devices` with a `KIND`, once, at start."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

import devices
from devices.errors import ConfigurationError
from devices.kind import DeviceKind


class KindCatalog(Mapping[str, DeviceKind]):
    """The kinds by name."""

    def __init__(self, kinds: Mapping[str, DeviceKind]) -> None:
        self._kinds = dict(kinds)

    def __getitem__(self, name: str) -> DeviceKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def discover_kinds() -> KindCatalog:
    """Import every kind under `devices`. Raises ConfigurationError when a declaration and its folder disagree."""
    kinds: dict[str, DeviceKind] = {}
    for module in sub_packages(devices):
        kind = getattr(module, "KIND", None)
        if kind is None:
            continue
        if not isinstance(kind, DeviceKind) or kind.name != module.__name__.rpartition(".")[2]:
            raise ConfigurationError(f"{module.__name__}.KIND must be a DeviceKind named like its folder")
        kinds[kind.name] = kind
    return KindCatalog(kinds)


def sub_packages(package: ModuleType) -> Iterator[ModuleType]:
    """Import and yield the sub-packages of `package`, in order of name."""
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if info.ispkg:
            yield importlib.import_module(f"{package.__name__}.{info.name}")
