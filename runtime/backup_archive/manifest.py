"""The archive's first and last member: what wrote it, and what is in it, by number and hash."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.errors import LauternError

FORMAT: Final = 1
HEADER: Final = "header.json"
MANIFEST: Final = "manifest.json"
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class ArchiveRefused(LauternError):
    """This archive cannot be used."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ArchiveHeader(_Part):
    """Says before anything else whether the rest can be understood; what else it holds may differ between formats."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    format: Count
    program: str
    """Version of the Lautern that wrote it."""
    created_at: str
    """When the copy was begun, RFC 3339: everything acknowledged before is in it."""


class ArchiveMember(_Part):
    """One file of the archive."""

    name: str
    bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rows: dict[str, Count] = {}
    """Rows by table, of databases and of tables told as lines."""


class RegistrySource(_Part):
    """How the registry is kept."""

    kind: Literal["sqlite", "postgresql"]
    revisions: list[str]
    """Steps that its tables have taken."""
    sequences: dict[Name, Count] = {}
    """PostgreSQL: last number that each table has given out."""


class BucketSource(_Part):
    """One bucket of InfluxDB."""

    kind: Name
    rollups: bool
    retention_s: Count
    values: Count


class TelemetrySource(_Part):
    """How telemetry is kept; `none`: left out."""

    kind: Literal["sqlite", "influxdb", "none"]
    buckets: list[BucketSource] = []


class ArchiveManifest(ArchiveHeader):
    """What is in the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    registry: RegistrySource
    telemetry: TelemetrySource
    members: list[ArchiveMember]
    not_included: list[str]

    def rows(self) -> dict[str, dict[str, int]]:
        """Rows by table of each member that has some."""
        return {member.name: dict(member.rows) for member in self.members if member.rows}

    @property
    def bytes(self) -> int:
        """Size of all that is in it."""
        return sum(member.bytes for member in self.members)


def read_header(text: bytes) -> ArchiveHeader:
    """Raises ArchiveRefused, also for the format of a newer Lautern."""
    try:
        header = ArchiveHeader.model_validate_json(text)
    except ValidationError:
        raise ArchiveRefused(f"{HEADER} says nothing known: this is no archive of Lautern") from None
    if header.format > FORMAT:
        raise ArchiveRefused(
            f"it has format {header.format}, written by Lautern {header.program}; this one reads up to {FORMAT}"
        )
    return header


def read_manifest(text: bytes) -> ArchiveManifest:
    """Raises ArchiveRefused."""
    try:
        return ArchiveManifest.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise ArchiveRefused(f"{MANIFEST}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
