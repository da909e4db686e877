"""Archives, good ones and such as nobody should open."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.backup_archive.archive_writer import ArchiveWriter, write_archive
from runtime.backup_archive.manifest import FORMAT, ArchiveHeader, ArchiveManifest, RegistrySource, TelemetrySource

HEADER = ArchiveHeader(format=FORMAT, program="0.1.0", created_at="2026-11-25T21:00:00Z")
FILES = {
    "files/lautern.toml": b'default_tenant = "kl"\n',
    "files/broker/gateway.password": b"secret\n",
    "sqlite/registry.db": b"SQLite" * 50_000,
}


def manifest(archive: ArchiveWriter, **changes: Any) -> ArchiveManifest:
    whole: dict[str, Any] = {
        **HEADER.model_dump(),
        "registry": RegistrySource(kind="sqlite", revisions=["registry_0002"]),
        "telemetry": TelemetrySource(kind="none"),
        "members": archive.members,
        "not_included": [],
    }
    return ArchiveManifest(**whole | changes)


def make(folder: Path, files: Mapping[str, bytes] = FILES, name: str = "a.tar.gz", **changes: Any) -> Path:
    """A good archive."""
    target, source = folder / name, folder / "source"
    with write_archive(target, HEADER) as archive:
        for member, content in files.items():
            source.write_bytes(content)
            archive.add(member, source, {"t": 3} if member.endswith(".db") else None)
        archive.finish(manifest(archive, **changes))
    source.unlink(missing_ok=True)
    return target


def altered(archive: Path, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]) -> Path:
    """The archive with each member as `change` makes it; None leaves it out."""
    target = archive.with_name("altered.tar.gz")
    with (
        tarfile.open(archive) as old,
        gzip.open(target, "wb") as packed,
        tarfile.open(fileobj=packed, mode="w|") as new,
    ):
        for info in old:
            file = old.extractfile(info)
            made = change(info, file.read() if file else b"")
            if made is not None:
                made[0].size = len(made[1])
                new.addfile(made[0], io.BytesIO(made[1]))
    return target


def with_member(archive: Path, member: tarfile.TarInfo, content: bytes = b"") -> Path:
    """The archive with one more member after the header."""
    target = archive.with_name("more.tar.gz")
    member.size = len(content)
    with (
        tarfile.open(archive) as old,
        gzip.open(target, "wb") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as new,
    ):
        for number, info in enumerate(old):
            new.addfile(info, old.extractfile(info))
            if number == 0:
                new.addfile(member, io.BytesIO(content))
    return target
