"""How each message of a batch was judged, and the bytes in which that is kept beside the journal."""

import json
from enum import StrEnum
from typing import NamedTuple


class MessageOutcome(StrEnum):
    """What becomes of a message."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    DEAD_LETTER = "dead_letter"
    RETAINED = "retained"
    """A retained delivery: newest values only, outside the ledger."""


class MessageVerdict(NamedTuple):
    """Judgement of one message.

    `asset_id` is what the device was bound to then; `standings` has one `Standing` per reading where not all are new.
    """

    outcome: MessageOutcome
    asset_id: str = ""
    reason: str = ""
    detail: str = ""
    standings: tuple[int, ...] = ()


def dump_verdicts(verdicts: list[MessageVerdict]) -> bytes:
    """Bytes of a batch's verdicts; accepted ones of the same asset cost a few bytes each."""
    assets: dict[str, int] = {}
    rows: list[object] = []
    for v in verdicts:
        number = assets.setdefault(v.asset_id, len(assets))
        plain = v.outcome is MessageOutcome.ACCEPTED and not v.standings
        rows.append(number if plain else [number, v.outcome.value, v.reason, v.detail, *v.standings])
    return json.dumps([list(assets), rows], separators=(",", ":")).encode()


def load_verdicts(data: bytes) -> list[MessageVerdict]:
    """Read what `dump` wrote."""
    assets, rows = json.loads(data)
    return [
        MessageVerdict(MessageOutcome.ACCEPTED, assets[row])
        if isinstance(row, int)
        else MessageVerdict(MessageOutcome(row[1]), assets[row[0]], row[2], row[3], tuple(row[4:]))
        for row in rows
    ]
