"""The Fauthweg's ten lamps, rebuilt in simulation, or any number of lamps spread over the city."""

import math
import random
from collections.abc import Sequence
from typing import Final

from devices.time_us import SECOND_US
from simulators.device import FleetOptions, SimulatedDevice
from simulators.kinds.streetlight.device import LampSite, SimulatedLamp
from simulators.kinds.streetlight.electrics import LampElectrics
from simulators.kinds.streetlight.passers import MotionDetector

SCENE: Final = 10
SPACING_M: Final = 30.0
LENGTH_M: Final = 300.0
LAT, LON = 49.44, 7.77
METRES_PER_DEGREE: Final = 111_320.0
FAILED: Final = frozenset({"L07"})
INTERVAL_S: Final = 60.0
HOLD_S: Final = 30.0


def build_fleet(options: FleetOptions) -> Sequence[SimulatedDevice]:
    """Up to ten lamps without a prefix are the Fauthweg's L01 … L10; more are lamps of the city."""
    if options.prefix is None and options.count <= SCENE:
        return [_fauthweg(number, options) for number in range(1, options.count + 1)]
    return [_lamp(number, options) for number in range(1, options.count + 1)]


def _fauthweg(number: int, options: FleetOptions) -> SimulatedLamp:
    along_m = (number - 0.5) * SPACING_M
    place = LampSite(
        device_id=f"L{number:02}",
        lat=LAT,
        lon=round(LON + along_m / (METRES_PER_DEGREE * math.cos(math.radians(LAT))), 6),
        groups=("fauthweg",),
        sensors=number in {1, 5, 10},
    )
    watch = MotionDetector(seed=options.seed, place_m=along_m, length_m=LENGTH_M, reach_m=SPACING_M, hold_s=HOLD_S)
    return _build(place, watch, options)


def _lamp(number: int, options: FleetOptions) -> SimulatedLamp:
    row, column = divmod(number - 1, 100)
    place = LampSite(
        device_id=f"{options.prefix or 'lamp-'}{number:05}",
        lat=round(LAT + row * SPACING_M / METRES_PER_DEGREE, 6),
        lon=round(LON + column * SPACING_M / (METRES_PER_DEGREE * math.cos(math.radians(LAT))), 6),
    )
    return _build(place, None, options)


def _build(place: LampSite, watch: MotionDetector | None, options: FleetOptions) -> SimulatedLamp:
    chance = random.Random(f"{options.seed}/{place.device_id}")
    electrics = LampElectrics(
        rated_w=place.rated_w,
        chance=chance,
        failed=place.device_id in FAILED,
        energy_wh=round(chance.uniform(90_000, 130_000), 1),
        operating_h=round(chance.uniform(1_800, 2_200), 1),
        switch_on_count=chance.randint(180, 260),
    )
    interval_s = options.interval_s or INTERVAL_S
    return SimulatedLamp(
        place=place,
        electrics=electrics,
        watch=watch,
        interval_s=interval_s,
        offset_us=round(chance.uniform(0, interval_s) * SECOND_US),
    )
