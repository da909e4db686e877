"""Keys that are kept in files of their own, outside the database, where only we can read them."""

import os
import secrets
from pathlib import Path
from typing import Final

from devices.errors import ConfigurationError

KEY_BYTES: Final = 32
MODE: Final = 0o600


def read_key(path: Path, what: str = "the key of the audit log") -> bytes:
    """The key in a file, hexadecimal; `what` it is for. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise ConfigurationError(f"{what}: {path}: {error.strerror}") from error
    except ValueError:
        raise ConfigurationError(f"{what}: {path} does not hold one") from None
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{what}: {path} holds {len(key)} bytes instead of {KEY_BYTES}")
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
