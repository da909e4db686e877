"""What became of all that a fleet sent, asked of the store itself and compared with the program's own ledger."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devices.time_us import MINUTE_US
from tests.faults.publishing import Fleet, Message
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation
from tests.system.speaking import now_us


@dataclass(frozen=True)
class Account:
    """In messages; `came_twice` are those that the broker delivered again and that changed nothing."""

    sent: int
    confirmed: int
    stored: int
    dead_letters: int
    lost: int
    """Confirmed by the broker, and neither stored nor a dead letter."""
    invented: int
    """Stored, but not sent so."""
    doubled: int
    """Rows beyond one for each identity."""
    came_twice: int


def settle(town: Installation, fleet: Fleet, timeout_s: float = 60, others: int = 0, other_samples: int = 0) -> Account:
    """Wait until nothing is in the journal; then count.

    `others`: messages of this kind that were sent beside the fleet's, such as acks; `other_samples` are those of them
    that are samples.
    """
    line = town.wait_ledger("streetlight", fleet.number + others, timeout_s)
    samples = town.rest.ledger("streetlight", "samples")
    lost = invented = right = rows_seen = 0
    for name, sent in fleet.sent.items():
        rows = stored(town, name, sent)
        rows_seen += len(rows)
        found = {row["ts"]: (row["values"].get("level_pct"), row["values"].get("power_w")) for row in rows}
        wanted = {message.ts: (40, message.power_w) for message in sent}
        good = {ts for ts, values in found.items() if wanted.get(ts) == values}
        right += len(good)
        invented += len(found) - len(good)
        lost += sum(m.confirmed_at is not None and m.ts not in good for m in sent)
    dead = int(samples["dead_letter"]) + int(line["dead_letter"])
    assert all(x["balanced"] for x in town.rest.items("/ledger"))
    return Account(
        sent=fleet.number,
        confirmed=fleet.confirmed,
        stored=right,
        dead_letters=dead,
        lost=max(0, lost - dead),
        invented=invented,
        doubled=max(rows_seen, int(samples["stored"]) - other_samples) - right - invented,
        came_twice=int(line["duplicate"]),
    )


def settle_but_missing(town: Installation, fleet: Fleet, timeout_s: float = 60, untold: int = 0) -> tuple[Account, int]:
    """Wait until each message is judged, or told as missing by the gap detector; returns how many are missing.

    `untold`: how many may be neither.
    """
    try:
        wait_until(lambda: _judged(town) + missing(town) >= fleet.number - untold, timeout_s=timeout_s)
    except AssertionError:
        raise AssertionError(f"{fleet.number} sent, {_judged(town)} judged, {missing(town)} missing") from None
    if untold:
        _wait_still(town)
    told = missing(town)
    return settle(town, fleet, timeout_s, min(_judged(town), fleet.number - told) - fleet.number), told


def _wait_still(town: Installation, still_s: float = 3) -> None:
    """Return when no more messages were judged for a while."""
    seen, since = _judged(town), time.monotonic()
    while time.monotonic() - since < still_s:
        time.sleep(0.1)
        if (now := _judged(town)) != seen:
            seen, since = now, time.monotonic()


def missing(town: Installation) -> int:
    """How many messages the gap detector says never came."""
    return sum(x["missing"] for x in town.rest.items("/ledger/gaps"))


def _judged(town: Installation) -> int:
    line = town.rest.ledger("streetlight")
    return int(line["received"]) - int(line["duplicate"])


def stored(town: Installation, name: str, sent: list[Message]) -> list[Any]:
    """Rows that the API shows of a lamp since the first message that it sent, in order of time."""
    if not sent:
        return []
    rows: list[Any] = []
    begin: str | None = sent[0].ts
    while begin is not None:
        page = town.rest.get(f"/devices/{name}/telemetry", from_=begin, limit=10_000, fields="level_pct,power_w")
        rows += page["items"]
        begin = page["next_from"]
    return rows


def assert_each_stored_once(
    town: Installation, fleet: Fleet, timeout_s: float = 60, others: int = 0, other_samples: int = 0
) -> Account:
    """All that was sent is in the store, once, unaltered, and the ledger says the same; see `settle`."""
    account = settle(town, fleet, timeout_s, others, other_samples)
    assert (account.lost, account.invented, account.doubled, account.dead_letters) == (0, 0, 0, 0), account
    assert account.stored == account.confirmed == account.sent, account
    line = town.rest.ledger("streetlight")
    # A broker that comes back may publish the last will of a client it lost: one more message, no sample.
    assert line["stored"] >= account.sent + others, line
    assert line["conflict"] == 0, line
    assert town.rest.items("/ledger/gaps") == []
    return account


def newest_age_s(town: Installation, name: str) -> float:
    """How old the newest stored sample of a lamp is, by its receipt."""
    rows = town.rest.samples(name, now_us() - MINUTE_US, fields="power_w")
    newest = max(row["received_at"] for row in rows)
    return time.time() - datetime.fromisoformat(newest).timestamp()
