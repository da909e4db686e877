"""Newest values out of a pass."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from application.ports.latest_values import LatestValue
from devices.messages import Envelope, StatusMessage, StatusState, WireModel
from devices.samples import TELEMETRY, Sample, Value
from devices.time_us import to_us
from gateway.batch import BatchItem
from gateway.decode import DecodedMessage
from gateway.effects.device_state_cache import AssetNow
from gateway.verdicts import MessageOutcome

Trigger = tuple[str, str, str]
"""Asset id, channel and part that changed."""


NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


def update_latest(
    items: Iterable[BatchItem], now: Mapping[str, AssetNow], speakers: Mapping[str, str] = NOBODY
) -> set[Trigger]:
    """Bring the views up to date; returns what changed. `speakers`: assets of connectors by device: they live, too."""
    changed: set[Trigger] = set()
    newest: dict[tuple[str, str], Sample] = {}
    for item in items:
        asset = now.get(item.verdict.asset_id)
        if asset is None or not isinstance(item.heard, DecodedMessage):
            continue
        if not item.plain:
            changed |= _take_special(item, item.heard, asset)
        elif item.message.received_us > asset.last_seen_us:
            asset.last_seen_us = item.message.received_us
        if speakers and item.verdict.outcome is not MessageOutcome.RETAINED:
            _relayed(item, now.get(speakers.get(item.heard.uplink.connector_id, "")))
        changed.update(_keep_newest(item.samples, newest))
    for sample in newest.values():
        if now[sample.asset_id].keep_newer(_row(sample)):
            changed.add((sample.asset_id, TELEMETRY, sample.part))
    return changed


def signs_of_life(items: Iterable[BatchItem]) -> dict[str, int]:
    """When each asset's device was last heard itself: not by what was retained, nor by its last will."""
    heard: dict[str, int] = {}
    for item in items:
        if item.plain or (
            item.verdict.asset_id and item.verdict.outcome is not MessageOutcome.RETAINED and not _is_will(item)
        ):
            heard[item.verdict.asset_id] = item.message.received_us
    return heard


def _is_will(item: BatchItem) -> bool:
    model = item.heard.model if isinstance(item.heard, DecodedMessage) else None
    return isinstance(model, StatusMessage) and model.state is StatusState.OFFLINE


def _relayed(item: BatchItem, connector: AssetNow | None) -> None:
    if connector is not None:
        connector.last_seen_us = max(connector.last_seen_us, item.message.received_us)


def _keep_newest(samples: Iterable[Sample], newest: dict[tuple[str, str], Sample]) -> Iterable[Trigger]:
    """Telemetry goes to `newest` where it is; returns what else changed."""
    events: tuple[Trigger, ...] = ()
    for sample in samples:
        if sample.series != TELEMETRY:
            events = (*events, (sample.asset_id, sample.series, ""))
            continue
        key = (sample.asset_id, sample.part)
        known = newest.get(key)
        if known is None or (sample.ts_us, sample.received_us) >= (known.ts_us, known.received_us):
            newest[key] = sample
    return events


def _take_special(item: BatchItem, heard: DecodedMessage, asset: AssetNow) -> set[Trigger]:
    outcome = item.verdict.outcome
    if outcome is not MessageOutcome.RETAINED:
        asset.last_seen_us = max(asset.last_seen_us, item.message.received_us)
    taken = heard.model is not None and outcome in {MessageOutcome.ACCEPTED, MessageOutcome.RETAINED}
    return _take_model(item, heard, asset) if taken else set()


def _row(sample: Sample) -> LatestValue:
    return LatestValue(
        sample.asset_id,
        sample.kind,
        sample.tenant_id,
        TELEMETRY,
        sample.part,
        sample.ts_us,
        sample.received_us,
        sample.values,
        sample.suspect,
    )


def _take_model(item: BatchItem, heard: DecodedMessage, asset: AssetNow) -> set[Trigger]:
    asset_id, channel = item.verdict.asset_id, heard.uplink.channel
    row = _model_row(item, heard)
    if channel == "ack" or row is None:
        return set()
    live = item.verdict.outcome is not MessageOutcome.RETAINED
    return {(asset_id, channel, "")} if asset.keep_newer(row, live=live) else set()


def _model_row(item: BatchItem, heard: DecodedMessage) -> LatestValue | None:
    model, received_us = heard.model, item.message.received_us
    if model is None:
        return None
    values = _flat(model)
    ts_us = to_us(model.ts) if isinstance(model, Envelope) and model.ts is not None else received_us
    where = heard.uplink
    return LatestValue(
        item.verdict.asset_id, where.kind, where.tenant_id, where.channel, "", ts_us, received_us, values
    )


def _flat(model: WireModel) -> dict[str, Value | Sequence[str]]:
    """Flat values with the boot and with lists of text, as the screen and the rules want them."""
    values: dict[str, Value | Sequence[str]] = {}
    if isinstance(model, Envelope):
        values.update(model.values())
        lists = {n: v for n in type(model).model_fields if isinstance(v := getattr(model, n), list)}
        values.update(lists)
    elif isinstance(model, StatusMessage):
        values["state"] = model.state.value
    if isinstance(model, Envelope | StatusMessage) and model.boot_id is not None:
        values["boot_id"] = model.boot_id
    return values
