"""Builds the simulated devices of a kind and what stands around them."""

import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Final, cast

import simulators.kinds
from devices.errors import ConfigurationError
from devices.kind_catalog import discover_kinds, sub_packages
from simulators.device import FleetOptions, SimulatedDevice
from simulators.envelope_sender import EnvelopeSender
from simulators.faults import FaultStage
from simulators.host import DeviceHost
from simulators.options import SimulationOptions

SCENE: Final = 2
"""Devices where neither the options nor the kind's own `SCENE` names a number."""
Fleet = Callable[[FleetOptions], Sequence[SimulatedDevice]]


def simulated_kinds() -> Mapping[str, ModuleType]:
    """Sub-packages of `simulators.kinds` that have a `build_fleet`, by name."""
    found = {m.__name__.rpartition(".")[2]: m for m in sub_packages(simulators.kinds)}
    return {name: module for name, module in found.items() if hasattr(module, "build_fleet")}


def devices_of(options: SimulationOptions) -> Sequence[SimulatedDevice]:
    """The devices asked for. Raises ConfigurationError for an unknown kind."""
    found = simulated_kinds()
    if options.kind not in found:
        raise ConfigurationError(f"kind: simulated are {', '.join(sorted(found))}")
    module = found[options.kind]
    fleet = cast("Fleet", module.build_fleet)
    return fleet(
        FleetOptions(
            count=getattr(module, "SCENE", SCENE) if options.count is None else options.count,
            seed=options.seed,
            interval_s=options.interval_s,
            prefix=options.prefix,
        )
    )


def hosts_of(options: SimulationOptions, new_boot: Callable[[], str] | None = None) -> list[DeviceHost]:
    """The devices with senders and faults. Boot ids are random, so that no run repeats another's identities."""
    kind = discover_kinds()[options.kind]
    boots = new_boot or (lambda: secrets.token_hex(6))
    return [
        DeviceHost(
            device=device,
            kind=kind,
            sender=EnvelopeSender(
                device_id=device.device_id,
                kind=options.kind,
                tenant_id=options.tenant,
                boot_id=boots(),
                root=options.root,
                base=options.prefix_of(device.device_id),
            ),
            stage=FaultStage(options.faults, random.Random(f"{options.seed}/faults/{device.device_id}")),
            chance=random.Random(f"{options.seed}/{device.device_id}"),
            new_boot=boots,
            skew_s=options.faults.skew_s,
        )
        for device in devices_of(options)
    ]
