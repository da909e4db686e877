"""The newest samples of one link, as the gateway keeps them for the live view: pure.

Kept beside the store: the view of an event takes one question to the registry, and works while the store is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.samples import Value
from devices.time_us import MINUTE_US

COUNTED: Final = (
    *("boot_id", "last_clear", "in_octets", "in_octets_high", "in_bps_max_1s"),
    *("out_octets", "out_octets_high", "out_bps_max_1s"),
)
SETTLED: Final = ("counter_bits", "speed_bps")
"""Hold until something else is said."""
PASSING: Final = ("oper_status", "loss_pct", "rtt_ms_avg", "jitter_ms", "wifi_clients")
"""Hold for three minutes: they come every minute."""
PASSING_US: Final = 3 * MINUTE_US
KEPT: Final = 5
Counted = tuple[int, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class RecentSamples:
    """Newest counter readings by rising time, and the newest of each other field with its time (µs)."""

    asset_id: str
    part: str
    tenant_id: str
    counted: Sequence[Counted] = ()
    others: Mapping[str, tuple[int, Value]] = field(default_factory=dict)

    def values(self, now_us: int) -> dict[str, Value]:
        """Fields beside the counters that still hold."""
        return {
            name: value
            for name, (at_us, value) in self.others.items()
            if name in SETTLED or now_us - at_us <= PASSING_US
        }

    def samples(self) -> list[Counted]:
        """Readings as `rates.readings` takes them, with what is sent seldom."""
        settled = {name: self.others[name][1] for name in SETTLED if name in self.others}
        return [(at_us, {**settled, **values}) for at_us, values in self.counted]


def with_sample_of(tenant_id: str, known: RecentSamples, ts_us: int, values: Mapping[str, Value]) -> RecentSamples:
    """The same where a node may change hands: the link is the newer town's, and holds nothing of the time before."""
    if tenant_id != known.tenant_id:
        newest_us = max((at_us for at_us, _ in known.counted), default=0)
        if ts_us < newest_us:
            return known
        known = RecentSamples(known.asset_id, known.part, tenant_id)
    return with_sample(known, ts_us, values)


def with_sample(known: RecentSamples, ts_us: int, values: Mapping[str, Value]) -> RecentSamples:
    """Take in a sample, in any order; taking it in twice changes nothing."""
    counted = dict(known.counted)
    if "in_octets" in values or "out_octets" in values:
        counted.setdefault(ts_us, {name: values[name] for name in COUNTED if name in values})
    others = dict(known.others)
    for name in (*SETTLED, *PASSING):
        if name in values and ts_us >= others.get(name, (0,))[0]:
            others[name] = (ts_us, values[name])
    newest = sorted(counted)[-KEPT:]
    return RecentSamples(known.asset_id, known.part, known.tenant_id, [(at, counted[at]) for at in newest], others)
