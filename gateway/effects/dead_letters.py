"""Dead letters of a pass; a noisy device fills its own daily limit, not the city's."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from application.ports.dead_letters import DeadLetter
from application.ports.identity import DedupResult
from application.ports.inventory import UnknownDevice
from devices.pii_filter import REASON as PERSONAL
from devices.time_us import DAY_US
from devices.topics import UplinkTopic
from gateway.admission import NOT_ITS_CONNECTOR
from gateway.batch import BatchItem, MessageBatch
from gateway.decode import DecodedMessage, RefusedMessage
from gateway.verdicts import MessageOutcome

BYTES_KEPT = 64 * 1024
A_DAY_BYTES = 8 * 2**20
"""Of the letters of one device; beyond it they are kept without what was in them."""
Kept = Callable[[str | None, int], tuple[int, int]]
"""How many letters of a device, and how many bytes, are kept since an instant."""


def _nothing(_device_id: str | None, _from_us: int) -> tuple[int, int]:
    return 0, 0


class DeadLetterRecorder:
    """Counts letters per device and day."""

    def __init__(
        self,
        per_device_and_day: int = 1000,
        holder: Callable[[UplinkTopic, int], str] = lambda uplink, _at_us: uplink.tenant_id,
    ) -> None:
        self._holder = holder
        self._limit = per_device_and_day
        self._day = 0
        self._counts: dict[str, tuple[int, int]] = {}
        """Letters and bytes of the day; a device's are asked for when it has its first since start."""
        self._kept: Kept = _nothing
        self.reasons: Counter[str] = Counter()
        """Why the newest pass refused what it refused, those past the limit too."""

    def forget(self) -> None:
        """Ask again how many are kept, after a transaction that failed."""
        self._counts.clear()

    def of(self, done: MessageBatch, kept: Kept = _nothing) -> list[DeadLetter]:
        """Letters for all refused messages and batch items; past the limit they are only counted in the ledger."""
        self._kept = kept
        letters: list[DeadLetter] = []
        self.reasons = Counter()
        for item in done.special:
            if item.verdict.outcome is MessageOutcome.DEAD_LETTER:
                refused = RefusedMessage(item.verdict.reason, item.verdict.detail)
                letters += self._letter(done.lane, item, "", refused)
            elif isinstance(item.heard, DecodedMessage):
                for number, refused in item.heard.refused:
                    told = refused._replace(detail=f"batch item {number}: {refused.detail}")
                    letters += self._letter(done.lane, item, f"-{number}", told)
                if DedupResult.REFUSED in item.verdict.standings:
                    for number, refused in _late(item, item.heard):
                        letters += self._letter(done.lane, item, f"-late-{number}", refused)
        return letters

    def _letter(self, lane: str, item: BatchItem, suffix: str, refused: RefusedMessage) -> Sequence[DeadLetter]:
        self.reasons[refused.reason] += 1
        message, uplink = item.message, item.heard.uplink
        payload = message.payload if refused.payload is None else refused.payload
        kept = payload[:BYTES_KEPT] if len(payload) > 4 * BYTES_KEPT else payload
        size = 0 if refused.reason == PERSONAL else len(kept)
        device_id = uplink.device_id if uplink else None
        # A connector that says what it may not fills its own limit, not those of the devices that it names.
        speaker = uplink.connector_id or uplink.device_id if uplink else "-"
        letters, total = self._count(speaker, message.received_us, size)
        if letters > self._limit:
            return ()
        letter_id = f"{lane}-{item.batch_id}-{item.number}{suffix}"
        return (
            DeadLetter(
                letter_id,
                message.received_us,
                message.topic,
                None if refused.reason == PERSONAL or total > A_DAY_BYTES else kept,
                refused.reason,
                refused.detail,
                self._holder(uplink, message.received_us) if uplink else None,
                uplink.kind if uplink else None,
                device_id,
                message.qos,
                message.retained,
            ),
        )

    def _count(self, speaker: str, received_us: int, size: int) -> tuple[int, int]:
        """Count a letter; letters and bytes of the day with it."""
        day = received_us // DAY_US
        if day != self._day:
            self._day = day
            self._counts.clear()
        if speaker not in self._counts and len(self._counts) > 100_000:
            speaker = "-"
        if speaker not in self._counts:
            self._counts[speaker] = self._kept(None if speaker == "-" else speaker, day * DAY_US)
        letters, before = self._counts[speaker]
        self._counts[speaker] = letters + 1, before + size
        return self._counts[speaker]


def _late(item: BatchItem, heard: DecodedMessage) -> Iterator[tuple[int, RefusedMessage]]:
    """Samples of a batch from when the connector did not speak for the device, as messages of their own."""
    document = json.loads(item.message.payload)
    head = {name: value for name, value in document.items() if name != "batch"}
    bad = {number for number, _ in heard.refused}
    good = [one for number, one in enumerate(document["batch"]) if number not in bad]
    for number, (standing, one) in enumerate(zip(item.verdict.standings, good, strict=True)):
        if standing == DedupResult.REFUSED:
            detail = f"batch: sample {number} is from when it did not speak for it"
            yield number, RefusedMessage(NOT_ITS_CONNECTOR, detail, payload=json.dumps({**head, **one}).encode())


def unknown_devices(done: MessageBatch) -> list[UnknownDevice]:
    """Devices of a pass that nobody registered, with how often they spoke and what they say of themselves."""
    found: dict[str, tuple[UplinkTopic, list[BatchItem]]] = {}
    for item in done.special:
        refused = item.verdict.outcome is MessageOutcome.DEAD_LETTER and item.verdict.reason == "unregistered"
        # Not what a connector names: it could fill the list.
        if refused and item.heard.uplink is not None and not item.heard.uplink.connector_id:
            found.setdefault(item.heard.uplink.device_id, (item.heard.uplink, []))[1].append(item)
    return [
        UnknownDevice(
            device_id,
            uplink.tenant_id,
            uplink.kind,
            items[0].message.received_us,
            items[-1].message.received_us,
            len(items),
            next((_info(i) for i in reversed(items) if uplink_is_info(i)), None),
        )
        for device_id, (uplink, items) in found.items()
    ]


def uplink_is_info(item: BatchItem) -> bool:
    """True for a valid `info` message."""
    return (
        isinstance(item.heard, DecodedMessage) and item.heard.uplink.channel == "info" and item.heard.model is not None
    )


def _info(item: BatchItem) -> dict[str, object]:
    model = item.heard.model if isinstance(item.heard, DecodedMessage) else None
    if model is None:
        return {}
    # Not what it does not declare: that may be large, and is kept for nobody.
    return model.model_dump(mode="json", exclude_none=True, include=set(type(model).model_fields))
