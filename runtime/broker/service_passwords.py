"""Users of ours at the broker: random passwords of 128 bits in files that only we can read."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.private_file import replace_private_file

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
            replace_private_file(path, secrets.token_hex(16))
        return path

    def password(self, user: str) -> str:
        """Password of a user of ours."""
        return self.password_file(user).read_text(encoding="ascii").strip()
