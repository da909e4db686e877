"""Names that members of an archive may have, how large each may be, and where it goes; there are no others."""

import re
from typing import Final

from runtime.backup_archive.manifest import HEADER, MANIFEST

SQLITE: Final = (
    "journal-control.db",
    "journal-telemetry.db",
    "identity.db",
    "registry.db",
    "telemetry.db",
    "influxdb-rollups.db",
)
ANCHORS: Final = "files/audit.anchors"
SETTINGS: Final = "files/lautern.toml"
MOST_MEMBERS: Final = 200_000
SMALL: Final = 2**20
MOST_SMALL: Final = 4000
"""Members under a megabyte; lines of InfluxDB come in portions of 32 MB."""
MOST_TIMES: Final = 200
"""Databases and lines shrink to a fifth or a fiftieth, zeros to a thousandth."""
KIB, MIB, TIB = 2**10, 2**20, 2**40
_OWN: Final = {HEADER: 64 * KIB, MANIFEST: 64 * MIB, "files/broker/devices.json": 64 * MIB, ANCHORS: 4096 * MIB}
_FILE: Final = re.compile(
    r"files/(lautern\.toml|installation-id|audit\.key|audit\.anchors|secrets\.key|mqtt-session-(control|telemetry)|"
    r"broker/([a-z]{1,32}\.password|devices\.json|callout\.key)|tls/[a-z]{1,32}\.(pem|key))"
)
_TABLE: Final = re.compile(r"registry/([a-z][a-z0-9_]{0,62})\.jsonl")
_LINES: Final = re.compile(r"influxdb/([a-z][a-z0-9_]{0,62})/(raw|rollup)-[0-9]{6}\.lp")


def most_bytes(name: str) -> int | None:
    """How large a member of this name may be; None where there is no such member."""
    if name in _OWN:
        return _OWN[name]
    if _FILE.fullmatch(name) or _LINES.fullmatch(name):
        return 256 * MIB if _LINES.fullmatch(name) else MIB
    if _TABLE.fullmatch(name) or name.removeprefix("sqlite/") in SQLITE:
        return 4 * TIB
    return None


def most_bytes_of_manifest(members: int) -> int:
    """How large the manifest may be, by the number of members before it."""
    return 256 * KIB + 512 * members


def most_unpacked(packed: int) -> int:
    """How much so many bytes may unpack to: what becomes more was made to fill a disk or somebody's time."""
    return max(64 * MIB, MOST_TIMES * packed)


def of_file(place: str) -> str:
    """Member for a plain file at this place in the data directory."""
    return f"files/{place}"


def place_of(name: str) -> str | None:
    """Place in the data directory of a member that is a file or a SQLite database; None for others."""
    if _FILE.fullmatch(name):
        return name.removeprefix("files/")
    place = name.removeprefix("sqlite/")
    return place if place != name and place in SQLITE else None


def of_database(place: str) -> str:
    """Member for a SQLite database."""
    return f"sqlite/{place}"


def of_table(table: str) -> str:
    """Member for the rows of a table."""
    return f"registry/{table}.jsonl"


def table_of(name: str) -> str | None:
    """Table whose rows a member holds."""
    found = _TABLE.fullmatch(name)
    return found[1] if found else None


def of_lines(kind: str, *, rollups: bool, number: int) -> str:
    """Member for some lines of a bucket."""
    return f"influxdb/{kind}/{'rollup' if rollups else 'raw'}-{number:06}.lp"


def bucket_of(name: str) -> tuple[str, bool] | None:
    """Kind, and whether of rollups, of the bucket whose lines a member holds."""
    found = _LINES.fullmatch(name)
    return (found[1], found[2] == "rollup") if found else None
