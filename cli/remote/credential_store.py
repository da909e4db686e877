"""What `lautern login` keeps on disk, for this user alone; the environment goes before it."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from devices.errors import ConfigurationError
from runtime.private_file import replace_private_file

ENVIRONMENT: Final = "LAUTERN_"


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """Where an API is, and what proves who asks: a key, or a browser's session."""

    url: str
    key: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""


def credential_file() -> Path:
    """Where it is kept."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "lautern" / "login.json"


def current_login() -> StoredLogin | None:
    """The login of the environment, or else the one on disk; None without either.

    A secret on disk goes to the address it was made for and to no other. Raises ConfigurationError.
    """
    on_disk = _read(credential_file())
    url = os.environ.get(f"{ENVIRONMENT}URL", "")
    key = os.environ.get(f"{ENVIRONMENT}API_KEY", "")
    ca_file = os.environ.get(f"{ENVIRONMENT}CA_FILE") or None
    if url:
        url = normalise_url(url)
        if key:
            return StoredLogin(url, key=key, ca_file=ca_file)
        return on_disk if on_disk is not None and on_disk.url == url else None
    if on_disk is None:
        return None
    return StoredLogin(on_disk.url, key=key, ca_file=ca_file or on_disk.ca_file) if key else on_disk


def keep_login(login: StoredLogin) -> None:
    """Keep a login instead of an earlier one, mode 0600."""
    replace_private_file(credential_file(), json.dumps(asdict(login)))


def forget_login() -> None:
    """Keep none."""
    credential_file().unlink(missing_ok=True)


def normalise_url(url: str) -> str:
    """The address as we use it. Raises ConfigurationError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ConfigurationError("an address looks like https://lautern.example.org or http://127.0.0.1:8000")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/sign-in').removesuffix('/api/v1')}"


def _read(path: Path) -> StoredLogin | None:
    try:
        return StoredLogin(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as problem:
        raise ConfigurationError(f"{path} cannot be read; sign in again with: lautern login URL") from problem
