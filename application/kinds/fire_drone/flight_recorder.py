"""Records flights: what came is marked with its acceptance, and computed from the store once it is there."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import Final

from application.kinds.fire_drone.ports import FlightBook, FlightRecord, RecomputeMark
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import AssetRepository
from application.ports.latest_values import LatestValues
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry, RegistryTransaction
from application.ports.telemetry import TelemetryReader
from devices.fire_drone.flights.detector import FlightDetector
from devices.fire_drone.flights.flight import DetectedFlight, FlightStatus
from devices.fire_drone.flights.identity import flight_id, same_flights
from devices.fire_drone.flights.sample import PICKED, DetectionSettings, FlightSample
from devices.fire_drone.flights.window import RecomputeWindow, recompute_window
from devices.samples import TELEMETRY, Sample, SeriesKey
from devices.time_us import HOUR_US, SECOND_US, rfc3339

KIND_NAME: Final = "fire_drone"
_SNAPSHOT: Final = ("maker", "model", "serial", "registration", "firmware", "remote_id")
_NEIGHBOURS: Final = 50
_MOST_FOLLOWED: Final = 256


@dataclass(slots=True)
class _Followed:
    """A drone whose newest samples are in memory; flights from `from_us` on are its detector's."""

    detector: FlightDetector
    from_us: int
    ahead: set[int] = field(default_factory=set)
    """Times of samples that were read before their mark was due."""


def mark_new_samples(tx: RegistryTransaction, samples: Sequence[Sample]) -> None:
    """Mark drones with new samples, in the transaction that accepts them."""
    ordered = sorted((s for s in samples if s.series == TELEMETRY and not s.part), key=attrgetter("asset_id"))
    marks = []
    for asset_id, group in groupby(ordered, key=attrgetter("asset_id")):
        own = list(group)
        times = [sample.ts_us for sample in own]
        marks.append(RecomputeMark(asset_id, own[-1].tenant_id, min(times), max(times), times[-1]))
    if marks:
        tx.get(FlightBook).mark(marks)


class FlightRecorder:
    """Called from one thread; `owns` tells which drones are its own, where several workers share them."""

    def __init__(
        self,
        registry: Registry,
        reader: TelemetryReader,
        settings: DetectionSettings | None = None,
        *,
        owns: Callable[[str], bool] = lambda _asset_id: True,
    ) -> None:
        self._registry = registry
        self._owns = owns
        self._reader = reader
        self._settings = settings or DetectionSettings()
        self._followed: dict[str, _Followed] = {}

    def catch_up(self, now_us: int) -> int:
        """Compute flights of all that has reached the store; returns how many marks wait for it.

        Raises StoreUnavailable, RegistryUnavailable; the marks stay then.
        """
        with self._registry.read() as tx:
            book = tx.get(FlightBook)
            marks = [mark for mark in book.marks() if self._owns(mark.asset_id)]
            airborne = [flight for flight in book.airborne() if self._owns(flight.asset_id)]
            all_stored = _all_stored(tx)
        done = 0
        for asset_id, group in _by_asset(marks).items():
            ready = group if all_stored else self._stored(asset_id, group)
            if ready:
                self._compute(ready, now_us)
                done += len(ready)
        self._give_up_silent(airborne, {mark.asset_id for mark in marks}, now_us)
        return len(marks) - done

    def _stored(self, asset_id: str, marks: Sequence[RecomputeMark]) -> Sequence[RecomputeMark]:
        """Marks whose samples are in the store: it fills in the order of acceptance."""
        if self._is_stored(asset_id, marks[-1]):
            return marks
        return marks[: bisect_left(marks, x=True, key=lambda mark: not self._is_stored(asset_id, mark))]

    def _is_stored(self, asset_id: str, mark: RecomputeMark) -> bool:
        rows = self._reader.rows(_key(asset_id), mark.probe_us, mark.probe_us + 1, fields=("boot_id",), limit=1)
        return next(iter(rows), None) is not None

    def _compute(self, marks: Sequence[RecomputeMark], now_us: int) -> None:
        asset_id = marks[0].asset_id
        from_us, until_us = min(m.from_us for m in marks), max(m.until_us for m in marks)
        followed = self._followed.get(asset_id)
        span = RecomputeWindow(followed.from_us, None) if followed else None
        if (
            followed is None
            or span is None
            or not self._continue(followed, asset_id, RecomputeWindow(from_us, until_us + 1))
        ):
            followed, span = self._anew(asset_id, from_us, until_us, now_us)
        flights = followed.detector.flights(now_us if span.to_us is None else None)
        with self._registry.write() as tx:
            self._record(tx, marks[-1], span, flights, now_us)
            tx.get(FlightBook).settle([mark.mark_id for mark in marks])
        if not followed.detector.following and flights:
            followed.detector.forget_finished()
            followed.from_us = flights[-1].end_us + 1

    def _continue(self, followed: _Followed, asset_id: str, span: RecomputeWindow) -> bool:
        """Push what is new and return True; False when some of it is older than what was pushed."""
        seen_us = followed.detector.last_us or 0
        fresh = [sample for sample in self._samples(asset_id, span) if sample.ts_us not in followed.ahead]
        if any(sample.ts_us <= seen_us for sample in fresh):
            return False
        for sample in fresh:
            followed.detector.push(sample)
        return True

    def _anew(self, asset_id: str, from_us: int, until_us: int, now_us: int) -> tuple[_Followed, RecomputeWindow]:
        with self._registry.read() as tx:
            book = tx.get(FlightBook)
            earlier = [flight.detected for flight in book.before(asset_id, from_us, _NEIGHBOURS)]
            later = [flight.detected for flight in book.between(asset_id, until_us, None)[:_NEIGHBOURS]]
        span = recompute_window(from_us, until_us, earlier, later, self._settings)
        followed = _Followed(FlightDetector(self._settings), span.from_us)
        newest_us = max(until_us, now_us) + HOUR_US
        for sample in self._samples(asset_id, RecomputeWindow(span.from_us, span.to_us or newest_us)):
            followed.detector.push(sample)
            if sample.ts_us > max(until_us, now_us - HOUR_US):
                followed.ahead.add(sample.ts_us)
        if span.to_us is None:
            if len(self._followed) >= _MOST_FOLLOWED:
                self._followed.clear()
            self._followed[asset_id] = followed
        return followed, span

    def _samples(self, asset_id: str, span: RecomputeWindow) -> Iterable[FlightSample]:
        for row in self._reader.rows(_key(asset_id), span.from_us, span.to_us or 0, fields=PICKED):
            yield FlightSample.of(row.ts_us, row.received_us, row.values)

    def _give_up_silent(self, airborne: Sequence[FlightRecord], busy: set[str], now_us: int) -> None:
        """A flight of which nothing is heard for 15 min did not go on: nobody saw it land."""
        for flight in airborne:
            silent_us = now_us - flight.detected.last_airborne_us
            if flight.asset_id not in busy and silent_us > self._settings.bridge_s * SECOND_US:
                last_us = flight.detected.last_airborne_us
                self._followed.pop(flight.asset_id, None)
                self._compute([RecomputeMark(flight.asset_id, flight.tenant_id, last_us, last_us, last_us)], now_us)

    def _record(
        self,
        tx: RegistryTransaction,
        mark: RecomputeMark,
        span: RecomputeWindow,
        flights: Sequence[DetectedFlight],
        now_us: int,
    ) -> None:
        book = tx.get(FlightBook)
        old = {flight.flight_id: flight for flight in book.between(mark.asset_id, span.from_us, span.to_us)}
        kept = same_flights({key: flight.detected for key, flight in old.items()}, flights)
        known = [(old[kept[i]], flight) for i, flight in enumerate(flights) if i in kept]
        changed = [(before, replace(before, detected=flight)) for before, flight in known if before.detected != flight]
        new = _new_flights(tx, mark, [flight for i, flight in enumerate(flights) if i not in kept], now_us)
        gone = [flight for key, flight in old.items() if key not in kept.values()]
        book.put([*new, *(after for _, after in changed)])
        book.remove([flight.flight_id for flight in gone])
        told = [after for before, after in changed if _worth_telling(before, after)]
        changes = [*(_change(f, "recorded", now_us) for f in new), *(_change(f, "changed", now_us) for f in told)]
        changes += [_change(flight, "removed", now_us) for flight in gone]
        if changes:
            tx.get(ChangeFeed).add(changes)


def _new_flights(
    tx: RegistryTransaction, mark: RecomputeMark, found: Sequence[DetectedFlight], now_us: int
) -> list[FlightRecord]:
    if not found:
        return []
    book = tx.get(FlightBook)
    number, drone = book.newest_number(mark.asset_id), _drone(tx, mark.asset_id)
    taken = set(book.taken([flight_id(mark.asset_id, flight) for flight in found]))
    flights = []
    for flight in found:
        number += 1
        key, attempt = flight_id(mark.asset_id, flight), 0
        while key in taken:
            attempt += 1
            key = flight_id(mark.asset_id, flight, attempt)
            taken |= book.taken([key])
        flights.append(FlightRecord(key, mark.asset_id, mark.tenant_id, number, now_us, flight, drone))
    return flights


def _drone(tx: RegistryTransaction, asset_id: str) -> Mapping[str, str]:
    asset = tx.get(AssetRepository).many([asset_id]).get(asset_id)
    known = {} if asset is None else {"name": asset.name}
    for row in tx.get(LatestValues).of_assets([asset_id]):
        if row.channel == "info":
            known |= {name: str(row.values[name]) for name in _SNAPSHOT if name in row.values}
    return known


def _worth_telling(before: FlightRecord, after: FlightRecord) -> bool:
    return before.detected.status != after.detected.status or after.detected.status is not FlightStatus.AIRBORNE


def _change(flight: FlightRecord, what: str, now_us: int) -> Change:
    data = {
        "flight_id": flight.flight_id,
        "asset_id": flight.asset_id,
        "what": what,
        "status": flight.detected.status.value,
        "takeoff": rfc3339(flight.detected.takeoff_us),
    }
    return Change(0, now_us, flight.tenant_id, KIND_NAME, "flight", data)


def _all_stored(tx: RegistryTransaction) -> bool:
    lines = [line for line in tx.get(MessageLedger).lines() if line.kind == KIND_NAME and line.unit == "samples"]
    return bool(lines) and all(line.in_journal == 0 for line in lines)


def _by_asset(marks: Sequence[RecomputeMark]) -> Mapping[str, Sequence[RecomputeMark]]:
    found: dict[str, list[RecomputeMark]] = {}
    for mark in marks:
        found.setdefault(mark.asset_id, []).append(mark)
    return found


def _key(asset_id: str) -> SeriesKey:
    return SeriesKey(asset_id, KIND_NAME)
