"""Keeps the files of a mosquitto at what the registry says; told to read them again, it cuts who lost his right.

Who is kept out for a time is left out of them until it is over.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from application.device_credentials import device_password_matches, hash_device_password
from application.ports.credentials import CredentialRepository, CredentialType, DeviceCredential
from application.ports.memberships import MembershipRepository
from application.ports.quota_pauses import QuotaPauses
from application.ports.registry import Registry
from runtime.broker.mosquitto_conf import ACL, FILE, INSIDE_ACL, INSIDE_PASSWORDS, PASSWORDS, MosquittoConf


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a look found. `told`: whether a running mosquitto was told."""

    logins: int
    changed: bool
    told: bool


class MosquittoFiles:
    """The folder that mosquitto reads."""

    def __init__(self, folder: Path, conf: MosquittoConf, pid_file: Path | None = None) -> None:
        self._folder = folder
        self._conf = conf
        self._pid_file = pid_file
        self._seen: tuple[int, int] | None = None
        """Revisions of logins and pauses that the files are at."""
        self._due_us: int | None = None
        """When the next pause ends."""
        self._logins = 0

    def write_fixed(self, inside: dict[str, str]) -> None:
        """Write configuration, ACLs and the hashed passwords of users of ours."""
        for name, text in ((FILE, self._conf.text()), (INSIDE_ACL, self._conf.inside_acl())):
            _put(self._folder / name, text)
        if not (self._folder / ACL).exists():
            _put(self._folder / ACL, self._conf.acl())
        path = self._folder / INSIDE_PASSWORDS
        if not _holds(path, inside):
            _put(path, "".join(f"{user}:{hash_device_password(password)}\n" for user, password in inside.items()))

    def sync_files(self, registry: Registry) -> SyncResult:
        """Write the devices' passwords and rights anew where they changed. Raises RegistryUnavailable, OSError."""
        with registry.read() as tx:
            credentials, pauses, now_us = tx.get(CredentialRepository), tx.get(QuotaPauses), time.time_ns() // 1000
            seen = credentials.revision(), pauses.revision()
            if seen == self._seen and (self._due_us is None or now_us < self._due_us):
                return SyncResult(self._logins, changed=False, told=False)
            paused = {pause.user: pause.until_us for pause in pauses.since(now_us)}
            valid = [credential for credential in credentials.valid() if credential.user not in paused]
            connectors = tx.get(MembershipRepository).connectors()
        files = ((PASSWORDS, _lines(valid)), (ACL, self._conf.acl(connectors)))
        changed = sum(_put(self._folder / name, text) for name, text in files) > 0
        told = changed and self._tell()
        self._seen, self._due_us, self._logins = seen, min(paused.values(), default=None), len(valid)
        return SyncResult(len(valid), changed=changed, told=told)

    def _tell(self) -> bool:
        """Who restarts mosquitto meanwhile loses nothing: it reads the files at its start."""
        if self._pid_file is None:
            return False
        try:
            os.kill(int(self._pid_file.read_text(encoding="ascii")), signal.SIGHUP)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return False
        return True


def _lines(valid: Sequence[DeviceCredential]) -> str:
    return "".join(f"{c.user}:{c.proof}\n" for c in valid if c.way is CredentialType.PASSWORD)


def _holds(path: Path, inside: dict[str, str]) -> bool:
    try:
        lines = dict(line.partition(":")[::2] for line in path.read_text(encoding="ascii").splitlines())
    except FileNotFoundError:
        return False
    return lines.keys() == inside.keys() and all(
        device_password_matches(lines[user], password) for user, password in inside.items()
    )


def _put(path: Path, text: str) -> bool:
    """Replace at once; whether it changed. It belongs to whom the folder belongs to, as mosquitto reads it as that."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o640)  # the umask would keep mosquitto's group out
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(draft, owner.st_uid, owner.st_gid)
    draft.replace(path)
    return True
