"""Which asset a device speaks for, at which time; a copy of the registry's bindings that follows its revision."""

from collections.abc import Collection

from devices.ports.inventory import Asset, Binding, Inventory


class Bindings:
    """Read in the effects thread; `refresh` within a transaction before each pass."""

    def __init__(self) -> None:
        self._revision = -1
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._assets: dict[str, Asset] = {}
        self._absent: set[str] = set()

    def refresh(self, inventory: Inventory, device_ids: Collection[str]) -> None:
        """Bring up to date for these devices."""
        revision = inventory.revision()
        if revision != self._revision:
            self._bindings.clear()
            self._assets.clear()
            self._absent.clear()
            self._revision = revision
        wanted = {d for d in device_ids if d not in self._bindings and d not in self._absent}
        if wanted:
            found = inventory.bindings_of_devices(wanted)
            self._bindings.update(found)
            if len(self._absent) > 100_000:
                self._absent.clear()
            self._absent.update(wanted - found.keys())

    def of_device(self, device_id: str) -> tuple[Binding, ...]:
        """All bindings of the device; empty when nobody registered it."""
        return self._bindings.get(device_id, ())

    @staticmethod
    def at(bindings: tuple[Binding, ...], ts_us: int) -> Binding:
        """The binding in force at an instant, or the last before it; before all of them the first."""
        for binding in bindings[:0:-1]:
            if binding.from_us <= ts_us:
                return binding
        return bindings[0]

    def assets(self, inventory: Inventory, asset_ids: Collection[str]) -> dict[str, Asset]:
        """The assets with these ids, remembered until the registry changes."""
        missing = [a for a in asset_ids if a not in self._assets]
        if missing:
            self._assets.update(inventory.many(missing))
        return {a: self._assets[a] for a in asset_ids if a in self._assets}
