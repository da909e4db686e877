"""A small file system of its own, for tests that fill a disk."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real_parts import finding


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    """A file system of this size at `folder` inside the block; a plain folder where the system does not let us."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "lautern-test", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    try:
        yield folder
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)


def require_small(disk: Path) -> None:
    """Skip the test, or fail it where real parts are required, when `disk` is no file system of its own."""
    finding.require(disk if disk.is_mount() else None, "A small file system", "only root may mount one")


def fill(disk: Path) -> Path:
    """Leave no room at all; returns the file that takes it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            return filler
