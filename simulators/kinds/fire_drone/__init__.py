"""Fritz, Ottmar and further drones, flying missions over Kaiserslautern."""

from collections.abc import Sequence

from simulators.device import FleetOptions, SimulatedDevice
from simulators.kinds.fire_drone.device import SimulatedDrone
from simulators.kinds.fire_drone.reports import HomePosition

_KNOWN = (("fritz", HomePosition(49.4447, 7.7690, 236.0)), ("ottmar", HomePosition(49.4312, 7.7525, 251.0)))


def build_fleet(options: FleetOptions) -> Sequence[SimulatedDevice]:
    """Fritz and Ottmar first, then `drone-3` and so on, 300 m apart; with a prefix all are numbered."""
    return [_drone(number, options) for number in range(options.count)]


def _drone(number: int, options: FleetOptions) -> SimulatedDrone:
    if options.prefix is None and number < len(_KNOWN):
        name, home = _KNOWN[number]
    else:
        name = f"{options.prefix or 'drone-'}{number + 1}"
        home = HomePosition(49.42 + 0.0027 * (number % 20), 7.74 + 0.004 * (number // 20 % 20), 240.0)
    return SimulatedDrone(name, home, options.seed, options.interval_s)
