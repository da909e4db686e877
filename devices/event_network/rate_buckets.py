"""Rate over time in buckets: pure. A gap is a gap: never zero, never a straight line."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from devices.event_network.rates import RateQuality, RateStep
from devices.time_us import SECOND_US

RATED = frozenset({RateQuality.OK, RateQuality.WRAP})


@dataclass(slots=True)
class RateBucket:
    """One bucket [start_us, start_us + width) of one object and direction."""

    start_us: int
    octets: int = 0
    """Volume; of a step over several buckets each gets its share, and the shares sum up exactly."""
    covered_us: int = 0
    """Time for which the rate is known."""
    max_bps: float | None = None
    quality: set[RateQuality] = field(default_factory=set)
    _known_octets: int = 0

    @property
    def mean_bps(self) -> float | None:
        """Mean over the time for which the rate is known; None in a gap."""
        return self._known_octets * 8 * SECOND_US / self.covered_us if self.covered_us else None

    def add_step(self, step: RateStep, octets: int, lasted_us: int) -> None:
        """Add a step's share."""
        self.octets += octets
        self.quality.add(step.quality)
        if step.quality in RATED:
            self._known_octets += octets
            self.covered_us += lasted_us
            self.max_bps = max(self.max_bps or 0.0, step.peak_bps or 0.0)


def rate_buckets(steps: Iterable[RateStep], from_us: int, to_us: int, width_us: int) -> Sequence[RateBucket]:
    """All buckets of [from_us, to_us), aligned to 1970, also those without samples; the last may end after `to_us`."""
    first = from_us - from_us % width_us
    buckets = [RateBucket(start) for start in range(first, to_us, width_us)]
    for step in steps:
        start = max(step.from_us, first)
        end = min(step.to_us, first + len(buckets) * width_us)
        while start < end:
            index = (start - first) // width_us
            until = min(end, first + (index + 1) * width_us)
            buckets[index].add_step(step, _share(step, start, until), until - start)
            start = until
    return buckets


def _share(step: RateStep, start_us: int, until_us: int) -> int:
    """Octets of a part of a step; shares of adjoining parts sum up to the octets of the whole."""
    lasted = step.to_us - step.from_us
    return step.octets * (until_us - step.from_us) // lasted - step.octets * (start_us - step.from_us) // lasted


def octet_volume(steps: Iterable[RateStep]) -> dict[RateQuality, int]:
    """Octets by quality; exact but for those of RESET and UNDERSAMPLED, which are lower bounds."""
    sums: dict[RateQuality, int] = defaultdict(int)
    for step in steps:
        sums[step.quality] += step.octets
    return dict(sums)
