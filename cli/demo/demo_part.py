"""The seam between `lautern demo` and what a kind shows in it: `cli.demo.kinds.<kind>.DEMO`; a kind may have none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PLAN: Final = "demo-plan.json"
KEYS: Final = "demo-keys.json"
USERS: Final = "demo-users.json"
"""Files in the demo's data directory, all with secrets in them."""


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """What the registry holds of a simulated device beside its id and the position from its `info`."""

    name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    via: str | None = None


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """A request made once the API answers; what is there already (409) stays."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DemoLine:
    """A line to copy: what it does, and curl's arguments, where `{url}` stands for the API's address.

    `{first}` stands for the id of the first of the items that the audience's `there` lists.
    """

    does: str
    arguments: str


def _only_named(device_id: str) -> AssetFacts:
    return AssetFacts(device_id)


def _nothing(_now_us: int) -> Sequence[DemoRequest]:
    return ()


@dataclass(frozen=True, slots=True)
class DemoPart:
    """A user group, its key, and what it sees of a kind."""

    audience: str
    """Who, for people."""
    key: str
    """Name of the key, and of the user."""
    scopes: tuple[str, ...]
    role: str
    """Of the user."""
    there: str
    """Path that answers with a non-empty list `items` or `lines` when data are there."""
    shown: tuple[DemoLine, ...]
    limits: tuple[str, ...] = ()
    """Of the user's role, such as `event/altstadtfest`."""
    lead: str = ""
    """Role of the user `demo`, who sees everything; the user's own when empty."""
    count: int | None = None
    """Devices to simulate; None: as many as the simulator's own scene has."""
    facts: Callable[[str], AssetFacts] = _only_named
    """By device id."""
    requests: Callable[[int], Sequence[DemoRequest]] = _nothing
    """By the present time in µs; made with the part's key."""
