"""Recorded messages as examples: `{folder}/{kind}/{channel}[.{name}][-{variant}].json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Example = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedMessages:
    """Examples by kind and channel, such as `event.takeoff`."""

    by_channel: Mapping[tuple[str, str], list[Example]] = field(default_factory=dict)

    def of(self, kind: str, channel: str) -> list[Example]:
        """Examples in order of name, as AsyncAPI shows them."""
        return self.by_channel.get((kind, channel), [])


def read_recorded(folder: Path) -> RecordedMessages:
    """Read all recorded messages below a folder."""
    found: dict[tuple[str, str], list[Example]] = {}
    for path in sorted(folder.glob("*/*.json")):
        channel, _, variant = path.stem.partition("-")
        example = {"name": variant or channel, "payload": json.loads(path.read_text(encoding="utf-8"))}
        found.setdefault((path.parent.name, channel), []).append(example)
    return RecordedMessages(found)
