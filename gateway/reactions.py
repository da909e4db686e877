"""The seam between the gateway and what a kind does in it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from application.ports.changes import Change
from application.ports.registry import Registry, RegistryTransaction
from application.ports.telemetry import TelemetryReader
from devices.samples import Sample


def owns_all(_asset_id: str) -> bool:
    """Tell that one worker follows all assets."""
    return True


@dataclass(frozen=True, slots=True)
class ReactionTools:
    """What reactions may use."""

    registry: Registry
    reader: TelemetryReader
    owns: Callable[[str], bool] = owns_all
    """Whether this worker follows an asset: `work` keeps to those."""


class KindReactions(Protocol):
    """Built once per gateway by `gateway.kinds.<kind>.build_reactions(tools)`."""

    def on_samples(self, tx: RegistryTransaction, samples: Sequence[Sample]) -> Sequence[Change]:
        """Called in the effects transaction with newly accepted samples of this kind, events too; not yet in the store.

        Must be quick, must not read the store; may be called again with the same samples after a crash.
        """

    def facts(
        self, tx: RegistryTransaction, asset_ids: Collection[str], now_us: int
    ) -> Mapping[str, Mapping[str, Any]]:
        """Facts for this kind's rules by asset id, such as the service time of the event a node serves."""

    def work(self, now_us: int) -> None:
        """Called about each second from a thread of its own; may read the store, opens its own transactions.

        An error other than StoreUnavailable and RegistryUnavailable ends the program.
        """
