"""Breaks connections at intervals, as radio does."""

import random
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from simulators.mqtt_link import MqttLink
from simulators.options import FaultOptions


class LinkOutages:
    """A thread while the block lasts; none where no outages are asked for."""

    def __init__(self, links: Sequence[MqttLink], options: FaultOptions, seed: int) -> None:
        self._links, self._options = links, options
        self._chance = random.Random(f"{seed}/outages")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outages")

    def __enter__(self) -> Self:
        if self._options.outage_every_s > 0:
            self._thread.start()
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._options.outage_every_s / len(self._links)):
            self._chance.choice(self._links).break_for(self._options.outage_for_s)
