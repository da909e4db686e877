"""One process per file: locks that the system gives back however the process ends."""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.errors import LeaseHeld
from runtime.settings import Settings


@contextmanager
def hold_lock(path: Path, wait_s: float) -> Iterator[None]:
    """Hold an exclusive lock on a file; waits up to `wait_s` for its holder to end. Raises LeaseHeld."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _lock(handle, path, time.monotonic() + wait_s)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LeaseHeld(f"{path} is held by another process") from None
            time.sleep(0.05)
        else:
            return


def installation_id(settings: Settings) -> str:
    """Id of this data directory, made once; holder of the gateway's lease."""
    path = settings.data_dir / "installation-id"
    if not path.exists():
        path.write_text(uuid.uuid4().hex, encoding="ascii")
    return path.read_text(encoding="ascii").strip()
