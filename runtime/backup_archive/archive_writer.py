"""Writes an archive: under another name until it is whole and on disk, readable by its owner only."""

import errno
import gzip
import hashlib
import io
import os
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

from runtime.backup_archive.encryption import SUFFIX, encrypt_archive
from runtime.backup_archive.manifest import HEADER, MANIFEST, ArchiveHeader, ArchiveManifest, ArchiveMember
from runtime.backup_archive.member_names import most_bytes, most_unpacked

LEVEL: Final = 4
"""Of gzip: 9 takes four times as long for a tenth less."""


class ArchiveWriter:
    """Members one after another; first the header, last the manifest."""

    def __init__(self, tar: tarfile.TarFile, header: ArchiveHeader) -> None:
        self._tar = tar
        self._at = int(time.time())
        self.members: list[ArchiveMember] = []
        self._put(HEADER, io.BytesIO(header.model_dump_json().encode()))

    def add(self, name: str, path: Path, rows: Mapping[str, int] | None = None) -> None:
        """Add a file that nobody changes. Raises OSError."""
        with path.open("rb") as file:
            self.members.append(self._put(name, file).model_copy(update={"rows": dict(rows or {})}))

    def finish(self, manifest: ArchiveManifest) -> None:
        """Add what is in it; nothing may follow."""
        self._put(MANIFEST, io.BytesIO(manifest.model_dump_json(indent=1).encode()))

    def _put(self, name: str, file: BinaryIO) -> ArchiveMember:
        info = tarfile.TarInfo(name)
        info.size = file.seek(0, os.SEEK_END)
        info.mode, info.mtime = 0o600, self._at
        file.seek(0)
        if info.size > (most_bytes(name) or 0):
            raise ValueError(f"{name} has {info.size} bytes")
        hashed = _Hashed(file)
        self._tar.addfile(info, hashed)
        return ArchiveMember(name=name, bytes=info.size, sha256=hashed.sha256.hexdigest())


class _Hashed(io.RawIOBase):
    """Reads a file and hashes what it read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


@contextmanager
def write_archive(target: Path, header: ArchiveHeader, recipients: Sequence[str] = ()) -> Iterator[ArchiveWriter]:
    """An archive that stands at `target` when the block ends well, and nowhere otherwise. Raises OSError.

    Compressed unless its name ends in `.tar`; sealed to the recipients, where there are any.
    """
    draft = target.with_name(f".{target.name}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            plain = target.with_suffix("") if target.suffix == SUFFIX else target
            with (
                encrypt_archive(file, recipients) if recipients else nullcontext(file) as into,
                nullcontext(into) if plain.suffix == ".tar" else gzip.GzipFile("", "wb", LEVEL, into) as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, bufsize=2**20) as tar,
            ):
                archive = ArchiveWriter(tar, header)
                yield archive
            if plain.suffix != ".tar" and sum(m.bytes for m in archive.members) > most_unpacked(file.tell()):
                raise OSError(errno.EFBIG, "it shrank so much that no restore would take it: name it .tar", str(target))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
        _sync(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Put the folder's entries on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
