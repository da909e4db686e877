"""Users of ours at the broker: random passwords of 128 bits in files that only we can read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INSIDE: Final = ("gateway", "setup", "system", "callout")
"""Users of ours; the names of devices have slashes."""
SIMULATORS: Final = "simulators"
"""May write as any device; only where `demo` or `up --simulators` made it."""


@dataclass(frozen=True, slots=True)
class ServicePasswords:
    """The folder of the passwords; made when first asked for."""

    folder: Path

    def password_file(self, user: str) -> Path:
        """File with the password of a user of ours, made when it is not there."""
        path = self.folder / f"{user}.password"
        if not path.exists():
            write_secret(path, secrets.token_hex(16))
        return path

    def password(self, user: str) -> str:
        """Password of a user of ours."""
        return self.password_file(user).read_text(encoding="ascii").strip()


def write_secret(path: Path, text: str) -> None:
    """Replace a file at once; only its owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
