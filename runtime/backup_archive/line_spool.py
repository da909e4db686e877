"""Lines of a bucket on their way into the archive, whose members must tell their size before they begin."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from runtime.backup_archive.archive_writer import ArchiveWriter


class LineSpool:
    """Lines that wait in a file until there are enough for a member."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self.bytes = 0

    def write(self, lines: Iterable[str]) -> None:
        """Append."""
        data = "".join(f"{line}\n" for line in lines).encode()
        self._file.write(data)
        self.bytes += len(data)

    def empty_into(self, archive: ArchiveWriter, name: str) -> None:
        """Pack what waits, and begin anew."""
        self._file.flush()
        archive.add(name, self._path)
        self._file.seek(0)
        self._file.truncate()
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink()
