"""Takes logins over from the file in which earlier versions kept them, passwords in plain text."""

import json
import time
from pathlib import Path
from typing import Final

from application.device_credentials import with_password
from application.ports.credentials import CredentialRepository
from application.ports.registry import Registry
from devices.errors import ConfigurationError

NAME: Final = "devices.json"


def import_logins(registry: Registry, folder: Path) -> int:
    """Store them hashed, except where the registry knows the device already; then delete the file. Their number.

    Raises ConfigurationError, Invalid, RegistryUnavailable; the file stays then.
    """
    path = folder / NAME
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0
    except ValueError as problem:
        raise ConfigurationError(f"{path}: {problem}") from problem
    now_us = time.time_ns() // 1000
    wanted = [with_password(user, password, "import", now_us) for user, password in found.items()]
    with registry.write() as tx:
        credentials = tx.get(CredentialRepository)
        known = credentials.of_devices([credential.device_id for credential in wanted])
        new = [credential for credential in wanted if credential.device_id not in known]
        if new:
            credentials.put(new)
    path.unlink(missing_ok=True)
    return len(new)
