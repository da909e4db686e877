"""Who may speak MQTT to the embedded broker: random passwords of 128 bits in files that only we can read."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.errors import ConfigurationError, Invalid
from devices.topics import is_id

INSIDE: Final = ("gateway", "setup", "system")
"""Users of ours; the names of devices have slashes."""
SIMULATORS: Final = "simulators"
"""May write as any device; only where `demo` or `up --simulators` made it."""


@dataclass(frozen=True, slots=True)
class Logins:
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

    @property
    def devices_file(self) -> Path:
        """Passwords of devices by user name, JSON."""
        return self.folder / "devices.json"

    def devices(self) -> Mapping[str, str]:
        """Passwords of devices by user name. Raises ConfigurationError."""
        try:
            found: dict[str, str] = json.loads(self.devices_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as problem:
            raise ConfigurationError(f"{self.devices_file}: {problem}") from problem
        return found

    def put_device(self, user: str) -> str:
        """Make or renew a device's password and return it; `user` is tenant/kind/device. Raises Invalid."""
        if user.count("/") != 2 or not all(map(is_id, user.split("/"))):
            raise Invalid(f"{user!r} is not TENANT/KIND/DEVICE", field="user")
        password = secrets.token_hex(16)
        write_secret(self.devices_file, json.dumps({**self.devices(), user: password}, indent=1))
        return password

    def drop_device(self, user: str) -> None:
        """Take the right to connect away; running connections end when the broker reads its users again."""
        left = {name: password for name, password in self.devices().items() if name != user}
        write_secret(self.devices_file, json.dumps(left, indent=1))


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
