"""What the audit log needs outside the database: its key, and the anchors that say how far it once was."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from devices.audit.entry import Anchor
from devices.audit.lines import anchor_line, parsed_anchor
from devices.audit.notary import KEY_BYTES
from devices.errors import ConfigurationError

MODE: Final = 0o600
_LAST_BYTES: Final = 1024
"""More than two lines of anchors."""


def read_key(path: Path) -> bytes:
    """The key in a file, hexadecimal. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise ConfigurationError(f"the key of the audit log: {path}: {error.strerror}") from error
    except ValueError:
        raise ConfigurationError(f"the key of the audit log: {path} does not hold one") from None
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"the key of the audit log: {path} holds {len(key)} bytes instead of {KEY_BYTES}")
    return key


def make_key(path: Path) -> bool:
    """Make a key file that only we can read, whole or not at all; False when there is one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True


class AnchorFile:
    """Anchors; lines are only ever appended, so that the file may be made append-only (`chattr +a`)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, anchor: Anchor) -> None:
        """Keep on disk, unless one as far or further is there; several processes may do so at once."""
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        with os.fdopen(handle, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            end = file.read(_LAST_BYTES)
            known = [found for text in end.splitlines() if (found := parsed_anchor(text))]
            if known and known[-1].seq >= anchor.seq:
                return
            torn = b"\n" if end and not end.endswith(b"\n") else b""
            file.write(torn + anchor_line(anchor))
            os.fsync(file.fileno())

    def all(self) -> Iterator[Anchor]:
        """By rising number, as of when the first is asked for; none before there is a file."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            for text in file:
                left -= len(text)
                anchor = parsed_anchor(text)
                if left < 0:
                    return
                if anchor is not None:
                    yield anchor
