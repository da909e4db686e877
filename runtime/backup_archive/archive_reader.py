"""Reads an archive that may have been made to harm: plain files under known names only, in bounded memory."""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self, cast

from pyrage.x25519 import Identity

from runtime.backup_archive.encryption import decrypt_archive, is_sealed
from runtime.backup_archive.manifest import (
    HEADER,
    MANIFEST,
    ArchiveManifest,
    ArchiveMember,
    ArchiveRefused,
    read_header,
    read_manifest,
)
from runtime.backup_archive.member_names import (
    MOST_MEMBERS,
    MOST_SMALL,
    MOST_TIMES,
    SETTINGS,
    SMALL,
    most_bytes,
    most_bytes_of_manifest,
    most_unpacked,
)

CHUNK: Final = 2**20
_PLAIN: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})
Tell = Callable[[int, int], None]


class _Plain(tarfile.TarInfo):
    """A member that is a plain file. Others are refused before anything of them is read, long names among them."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type not in _PLAIN:
            raise ArchiveRefused(f"{found.name!r} is no plain file")
        return found


@dataclass(slots=True)
class MemberReader:
    """One member while it is read; hashed on the way."""

    name: str
    size: int
    _file: IO[bytes]
    _sha256: "hashlib._Hash"

    def read(self, size: int) -> bytes:
        """Some bytes; none at the end."""
        with _refusing(self.name):
            data = self._file.read(size)
        self._sha256.update(data)
        return data

    def lines(self, most: int) -> Iterator[bytes]:
        """Lines with their ends; longer ones in pieces of `most` bytes."""
        while line := self._line(most):
            yield line

    def _line(self, most: int) -> bytes:
        with _refusing(self.name):
            line = self._file.readline(most)
        self._sha256.update(line)
        return line

    def seen(self) -> ArchiveMember:
        """What it was, once the rest is read too."""
        while self.read(CHUNK):
            pass
        return ArchiveMember(name=self.name, bytes=self.size, sha256=self._sha256.hexdigest())


@dataclass(frozen=True, slots=True)
class VerifiedArchive:
    """An archive whose every byte is what its manifest says."""

    path: Path
    manifest: ArchiveManifest
    settings: bytes
    """Its settings file; empty where it has none."""
    keys: Sequence[Identity] = ()
    """That open it, where it is sealed."""

    def entries(self) -> Iterator[MemberReader]:
        """The members between header and manifest, each to be read before the next; whole again, or ArchiveRefused."""
        known = {member.name: member for member in self.manifest.members}
        for entry in _entries(self.path, lambda *_: None, self.keys):
            if entry.name not in {HEADER, MANIFEST}:
                yield entry
                _compare(entry.seen(), known.get(entry.name))


def verify_archive(path: Path, tell: Tell, keys: Sequence[Identity] = ()) -> VerifiedArchive:
    """Read all of it and compare. Raises ArchiveRefused."""
    seen: list[ArchiveMember] = []
    settings = b""
    manifest: ArchiveManifest | None = None
    for entry in _entries(path, tell, keys):
        if entry.name == HEADER:
            read_header(entry.read(entry.size))
        elif entry.name == MANIFEST:
            manifest = read_manifest(entry.read(entry.size))
        else:
            if entry.name == SETTINGS:
                settings = entry.read(entry.size)
            seen.append(entry.seen())
    if manifest is None:
        raise ArchiveRefused(f"it ends without {MANIFEST}: the rest is missing")
    told = {member.name: member for member in manifest.members}
    for member in seen:
        _compare(member, told.pop(member.name, None))
    if told or len(seen) != len(manifest.members):
        raise ArchiveRefused(f"{', '.join(sorted(told)[:5])} should be in it")
    return VerifiedArchive(path, manifest, settings, keys)


def _compare(seen: ArchiveMember, told: ArchiveMember | None) -> None:
    if told is None:
        raise ArchiveRefused(f"{seen.name} is not in its manifest")
    if (seen.bytes, seen.sha256) != (told.bytes, told.sha256):
        raise ArchiveRefused(f"{seen.name} is damaged: its SHA-256 is not the manifest's")


def _entries(path: Path, tell: Tell, keys: Sequence[Identity]) -> Iterator[MemberReader]:
    names: set[str] = set()
    small = 0
    with _opened(path, tell, keys) as tar:
        for info in tar:
            most = most_bytes_of_manifest(len(names)) if info.name == MANIFEST else most_bytes(info.name)
            if most is None or info.name in names:
                raise ArchiveRefused(f"it holds {info.name!r}, {'twice' if most else 'which no archive of ours does'}")
            small += info.size < SMALL
            if not 0 <= info.size <= most or len(names) >= MOST_MEMBERS or small > MOST_SMALL:
                raise ArchiveRefused(f"{info.name} is too large, or there are too many members")
            if (info.name == HEADER) != (not names) or MANIFEST in names:
                raise ArchiveRefused(f"{info.name} is not where it belongs: this is no archive of Lautern")
            names.add(info.name)
            file = tar.extractfile(info)
            if file is None:
                raise ArchiveRefused(f"{info.name} is no plain file")
            yield MemberReader(info.name, info.size, file, hashlib.sha256())
    if not names:
        raise ArchiveRefused("it is empty")


@contextmanager
def _opened(path: Path, tell: Tell, keys: Sequence[Identity]) -> Iterator[tarfile.TarFile]:
    with _refusing(str(path)), ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        plain = cast("IO[bytes]", _Told(file, path.stat().st_size, tell))
        if is_sealed(path):
            plain = stack.enter_context(decrypt_archive(plain, keys))
        peeked = cast("io.BufferedReader", plain if is_sealed(path) else file).peek(2)
        packed = peeked.startswith(b"\x1f\x8b")
        source = cast("IO[bytes]", _Inflated(plain) if packed else plain)
        with source, tarfile.open(fileobj=source, mode="r|", tarinfo=_Plain, bufsize=CHUNK) as tar:
            yield tar


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Say of bytes that are no archive that they are none."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as problem:
        raise ArchiveRefused(f"{what} is damaged or no archive: {problem}") from None
    except FileNotFoundError:
        raise ArchiveRefused(f"there is no {what}") from None
    except IsADirectoryError:
        raise ArchiveRefused(f"{what} is a folder") from None


class _Inflated(gzip.GzipFile):
    """Unpacks what shrank as data do. Raises ArchiveRefused for what was made to grow without end."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = _Counted(packed)
        self._unpacked = 0
        super().__init__(fileobj=cast("IO[bytes]", self._packed), mode="rb")

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._unpacked += len(data)
        if self._unpacked > most_unpacked(self._packed.bytes):
            raise ArchiveRefused(f"it unpacks to more than {MOST_TIMES} times its size: it was made to fill a disk")
        return data


class _Counted:
    """A file that counts what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.bytes += len(data)
        return data


class _Told:
    """A file that tells how far it is read."""

    def __init__(self, file: IO[bytes], size: int, tell: Tell) -> None:
        self._file, self._size, self._tell = file, size, tell

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._tell(self._file.tell(), self._size)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return
