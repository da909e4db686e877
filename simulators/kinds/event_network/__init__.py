"""The MoGLi on the Stiftsplatz, and for load further ones like it."""

from collections.abc import Sequence
from typing import Final

from simulators.device import FleetOptions, SimulatedDevice
from simulators.kinds.event_network.crowd import SceneTraffic
from simulators.kinds.event_network.device import SimulatedNode
from simulators.kinds.event_network.scene import mogli_scene

SCENE: Final = 5
"""Nodes of one scene, when no count is given."""


def build_fleet(options: FleetOptions) -> Sequence[SimulatedDevice]:
    """Nodes of as many scenes as `count` needs; five nodes each, the first scene without number."""
    found: list[SimulatedDevice] = []
    number = 0
    while len(found) < options.count:
        number += 1
        scene = mogli_scene((options.prefix or "") + (f"n{number}-" if number > 1 else ""))
        traffic = SceneTraffic(scene, options.seed + number)
        found += [SimulatedNode(place, traffic, options.seed + number, options.interval_s) for place in scene.places]
    return found[: options.count]
