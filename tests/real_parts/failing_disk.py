"""A file system that the kernel makes read-only, as it does when its disk has an error."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real_parts import finding


@dataclass(frozen=True)
class FailingDisk:
    """An ext4 in a file, mounted at `folder` with `errors=remount-ro`."""

    image: Path
    folder: Path

    def fail(self) -> None:
        """From now on nothing can be written, open files or not; it does not heal but by `repair`.

        Frozen meanwhile: an fsync under way at that moment may be called good by the kernel though it wrote
        nothing, which no program can know (a loop of append and fsync, 13 of 120 runs; frozen, 0 of 240).
        """
        device = next(line.split()[0] for line in _mounts() if line.split()[1] == str(self.folder))
        subprocess.run(["fsfreeze", "--freeze", self.folder], check=True)
        try:
            Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error").write_text("failed by a test", encoding="ascii")
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", self.folder], check=True)

    def repair(self) -> None:
        """As an administrator does, while nobody has files open on it."""
        subprocess.run(["umount", self.folder], check=True)
        subprocess.run(["e2fsck", "-p", "-f", self.image], check=False, capture_output=True)
        self.mount()

    def mount(self) -> None:
        """Mount it for writing."""
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.folder], check=True)


@contextmanager
def failing_disk(folder: Path, size_mb: int) -> Iterator[FailingDisk]:
    """Such a disk inside the block; where none can be had the test is skipped, or fails if real parts are required."""
    disk = FailingDisk(folder.with_name(f"{folder.name}.img"), folder)
    folder.mkdir()
    with disk.image.open("wb") as image:
        image.truncate(size_mb * 2**20)
    made = subprocess.run(["mkfs.ext4", "-q", disk.image], check=False, capture_output=True).returncode == 0
    command = ["mount", "-o", "loop,errors=remount-ro", str(disk.image), str(folder)]
    mounted = made and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        finding.require(folder if mounted else None, "A disk that fails", "only root may mount an ext4 in a file")
        yield disk
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _mounts() -> list[str]:
    return Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
