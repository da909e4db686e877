"""Archives that only some may open: age, to the keys of those who may."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import pyrage
from pyrage.x25519 import Identity, Recipient

from devices.errors import ConfigurationError
from runtime.backup_archive.manifest import ArchiveRefused

MAGIC: Final = b"age-encryption.org/v1"
SUFFIX: Final = ".age"
_MARK: Final = "AGE-SECRET-KEY-"
_ENDING_S: Final = 1.0


def new_key(path: Path) -> str:
    """Write a new secret key to a file that is not there yet, for its owner only; returns what to seal to."""
    identity = Identity.generate()
    public = str(identity.to_public())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"# public key: {public}\n{identity}\n")
        file.flush()
        os.fsync(file.fileno())
    return public


def read_identities(path: Path) -> Sequence[Identity]:
    """Secret keys in a file as age-keygen writes it. Raises ConfigurationError that tells nothing of them."""
    try:
        lines = path.read_text(encoding="ascii").split()
        found = [Identity.from_str(line) for line in lines if line.startswith(_MARK)]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as problem:
        raise ConfigurationError(f"{path} holds no secret key of age ({type(problem).__name__})") from None
    if not found:
        raise ConfigurationError(f"{path} holds no secret key of age")
    return found


def is_sealed(path: Path) -> bool:
    """Tell whether an archive is sealed. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def encrypt_archive(file: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """What is written in the block stands in `file`, sealed. Raises ConfigurationError, OSError."""
    try:
        keys = [Recipient.from_str(recipient) for recipient in recipients]
    except pyrage.RecipientError as problem:
        raise ConfigurationError(f"backup.recipients: {problem}") from None
    try:
        with _through(lambda source: pyrage.encrypt_io(source, file, keys), mode="wb") as end:
            yield end
    except pyrage.EncryptError as problem:
        raise OSError(errno.EIO, str(problem)) from None


@contextmanager
def decrypt_archive(file: IO[bytes], keys: Sequence[Identity]) -> Iterator[IO[bytes]]:
    """What `file` holds, opened with one of the keys. Raises ArchiveRefused when none fits or it was altered."""
    if not keys:
        raise ArchiveRefused("it is sealed: give the file with the secret key (--identity)")
    try:
        with _through(lambda target: pyrage.decrypt_io(file, target, list(keys)), mode="rb") as end:
            yield end
    except (pyrage.DecryptError, OSError) as problem:
        raise ArchiveRefused(f"it cannot be opened with this key, or was altered: {problem}") from None


@contextmanager
def _through(work: Callable[[Any], None], *, mode: str) -> Iterator[IO[bytes]]:
    """One end of a pipe, while `work` has the other in a thread of its own; the thread's error comes first."""
    reading, writing = (os.fdopen(number, how) for number, how in zip(os.pipe(), ("rb", "wb"), strict=True))
    ours, theirs = (writing, reading) if mode == "wb" else (reading, writing)
    failed: list[Exception] = []

    def run() -> None:
        try:
            with theirs:
                work(theirs)
        except Exception as problem:  # noqa: BLE001 - told to whoever has the other end
            failed.append(problem)

    thread = threading.Thread(target=run, name="seal")
    thread.start()
    try:
        yield cast("IO[bytes]", ours)
    except Exception:
        # A pipe that ends early is but what follows from the other end's trouble.
        thread.join(_ENDING_S)
        if failed:
            raise failed[0] from None
        raise
    finally:
        _close(ours)
        thread.join()
    # Who has read enough closes his end, and that is no trouble.
    if failed and not (mode == "rb" and isinstance(failed[0], BrokenPipeError)):
        raise failed[0]


def _close(end: IO[bytes]) -> None:
    try:
        end.close()
    except BrokenPipeError:
        return  # The thread ended before us, and says why.
