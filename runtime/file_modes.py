"""Only our own user reads what we keep: files of before the umask was set, or made by others, are found and closed."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.backup_archive.snapshot import places_of
from runtime.settings import Settings

_OTHERS: Final = 0o077
_INNER: Final = (".", "broker", "tls", "logs")
"""Folders of ours in the data directory; what lies deeper is behind these."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file or folder that others than its owner may read or change; `problem` when we could not mend that."""

    path: Path
    mode: int
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.path} ({self.mode:04o}{f', {self.problem}' if self.problem else ''})"


def open_files(settings: Settings) -> list[OpenFile]:
    """What others may read or change: in the data directory, and secrets that the settings keep elsewhere."""
    return [
        OpenFile(path, stat.S_IMODE(mode))
        for path in _ours(settings)
        if (mode := _mode(path)) is not None and mode & _OTHERS
    ]


def mend_modes(settings: Settings) -> list[OpenFile]:
    """Take from others what they may do with what is in the data directory; returns what was open.

    Elsewhere nothing is changed: that has the problem of not being ours.
    """
    return [_mended(found, settings.data_dir) for found in open_files(settings)]


def modes_sentence(found: list[OpenFile]) -> str:
    """A sentence for people; empty where nothing was open."""
    left = [str(one) for one in found if one.problem]
    shown = ", ".join((left or [str(one) for one in found])[:5]) + (" and more" if len(found) > 5 else "")
    if left:
        return f"others than {_us()} can read or change: {shown}; take that from them: chmod go= FILE"
    return f"others could read or change {shown}: closed to them now" if found else ""


def _mended(found: OpenFile, data_dir: Path) -> OpenFile:
    if not found.path.is_relative_to(data_dir):
        return OpenFile(found.path, found.mode, "not in the data directory")
    try:
        found.path.chmod(found.mode & ~_OTHERS, follow_symlinks=True)
    except OSError as problem:
        return OpenFile(found.path, found.mode, problem.strerror or str(problem))
    return found


def _ours(settings: Settings) -> Iterator[Path]:
    for name in _INNER:
        folder = settings.data_dir / name
        if folder.is_dir() and not folder.is_symlink():
            yield folder
            yield from (path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink())
    elsewhere = {
        settings.audit_key_file, settings.secrets_key_file, settings.broker.tls_key_file,
        settings.broker.client_key_file, settings.http.tls_key_file, *places_of(settings).values(),
    }  # fmt: skip
    yield from sorted(p for p in elsewhere if p is not None and p.is_file() and not p.is_relative_to(settings.data_dir))


def _mode(path: Path) -> int | None:
    """None where it is gone."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _us() -> str:
    return f"the user {os.geteuid()}"
