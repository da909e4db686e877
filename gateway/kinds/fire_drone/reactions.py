"""What drones set off in the gateway: flights are recorded."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog

from application.kinds.fire_drone.flight_recorder import FlightRecorder, mark_new_samples
from application.ports.changes import Change
from application.ports.registry import RegistryTransaction
from devices.errors import StoreUnavailable
from devices.samples import Sample

_LOG = structlog.get_logger()


class DroneReactions:
    """Marks drones with new samples; computes their flights when the samples are in the store."""

    def __init__(self, recorder: FlightRecorder) -> None:
        self._recorder = recorder
        self._waiting = False

    def on_samples(self, tx: RegistryTransaction, samples: Sequence[Sample]) -> Sequence[Change]:
        """Mark; the flights' changes are told when they are computed."""
        mark_new_samples(tx, samples)
        return ()

    def facts(
        self, tx: RegistryTransaction, asset_ids: Collection[str], now_us: int
    ) -> Mapping[str, Mapping[str, Any]]:
        """No facts: a drone's rules need its own word only."""
        return {}

    def work(self, now_us: int) -> None:
        """Record flights; while the store is away the marks wait."""
        try:
            self._recorder.catch_up(now_us)
        except StoreUnavailable as error:
            if not self._waiting:
                _LOG.warning("flights_wait_for_the_store", error=str(error))
            self._waiting = True
        else:
            if self._waiting:
                _LOG.info("flights_caught_up")
            self._waiting = False
