"""The gateway's part in recording flights."""

import pytest
from structlog.testing import capture_logs

from devices.errors import RegistryUnavailable, StoreUnavailable
from gateway.kinds.fire_drone.reactions import DroneReactions


class Recorder:
    """Fails as it is told."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.runs = 0

    def catch_up(self, now_us: int) -> int:
        self.runs += 1
        if self.error:
            raise self.error
        return 0


def test_a_store_that_is_away_is_told_once_and_tried_each_time() -> None:
    recorder = Recorder()
    reactions = DroneReactions(recorder)  # type: ignore[arg-type]
    with capture_logs() as logs:
        for recorder.error in (StoreUnavailable(), StoreUnavailable(), None, None):
            reactions.work(0)
    assert [line["event"] for line in logs] == ["flights_wait_for_the_store", "flights_caught_up"]
    assert recorder.runs == 4


def test_other_errors_are_not_swallowed() -> None:
    recorder = Recorder()
    recorder.error = RegistryUnavailable()
    with pytest.raises(RegistryUnavailable):
        DroneReactions(recorder).work(0)  # type: ignore[arg-type]
