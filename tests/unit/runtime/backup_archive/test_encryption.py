"""What goes through the seal, and what stops it."""

import errno
import io
from typing import IO, cast

import pytest
from pyrage.x25519 import Identity

from runtime.backup_archive.encryption import decrypt_archive, encrypt_archive
from runtime.backup_archive.manifest import ArchiveRefused

KEY = Identity.generate()
PLAIN = bytes(range(256)) * 10_000


class Full(io.RawIOBase):
    """A disk that is full after some bytes."""

    def __init__(self) -> None:
        self.left = 100_000

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        written = len(cast("bytes", data))
        self.left -= written
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written


def _sealed() -> bytes:
    into = io.BytesIO()
    with encrypt_archive(into, [str(KEY.to_public())]) as end:
        end.write(PLAIN)
    return into.getvalue()


def test_what_is_sealed_is_read_again_and_by_nobody_else() -> None:
    content = _sealed()
    assert PLAIN[:64] not in content
    with decrypt_archive(io.BytesIO(content), [KEY]) as end:
        assert end.read() == PLAIN
    for keys in ([], [Identity.generate()]):
        with pytest.raises(ArchiveRefused), decrypt_archive(io.BytesIO(content), keys) as end:
            end.read()


@pytest.mark.parametrize("place", [-100, 70_000])
def test_what_was_altered_is_refused(place: int) -> None:
    content = bytearray(_sealed())
    content[place] ^= 1
    with pytest.raises(ArchiveRefused), decrypt_archive(io.BytesIO(bytes(content)), [KEY]) as end:
        end.read()


def test_a_reader_that_stops_early_leaves_no_thread() -> None:
    with decrypt_archive(io.BytesIO(_sealed()), [KEY]) as end:
        assert end.read(10) == PLAIN[:10]


def test_a_full_disk_is_told() -> None:
    with (
        pytest.raises(OSError, match="No space"),
        encrypt_archive(cast("IO[bytes]", Full()), [str(KEY.to_public())]) as end,
    ):
        end.write(PLAIN)
