"""What the audit log needs outside the database beside its key: the anchors that say how far it once was."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from application.audit.entry import AuditAnchor
from application.audit.json_lines import anchor_line, parsed_anchor
from storage.key_files import MODE

_LAST_BYTES: Final = 1024
"""More than two lines of anchors."""


class AnchorFile:
    """Anchors; lines are only ever appended, so that the file may be made append-only (`chattr +a`)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, anchor: AuditAnchor) -> None:
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

    def all(self) -> Iterator[AuditAnchor]:
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
