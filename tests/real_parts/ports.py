"""Free ports that stay ours: a server can be killed and come back on the same one."""

import fcntl
import os
import random
import tempfile
from pathlib import Path

from runtime.settings_models import LOOPBACK
from runtime.tcp_ports import is_free, port_answers

# Below the range from which systems take ports for outgoing connections, so that none of those takes ours.
FIRST_PORT, LAST_PORT = 20_000, 31_999

_claims: list[int] = []
"""Descriptors, which the system closes with the process."""


def claim_port() -> int:
    """A port on loopback that nobody listens on and that no other test run on this machine gets until we end."""
    folder = Path(tempfile.gettempdir()) / f"lautern-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    candidates = list(range(FIRST_PORT, LAST_PORT + 1))
    random.SystemRandom().shuffle(candidates)
    for port in candidates:
        claim = os.open(folder / str(port), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        if _locked(claim) and is_free(LOOPBACK, port):
            _claims.append(claim)
            return port
        os.close(claim)
    message = "no free port is left"
    raise RuntimeError(message)


def _locked(claim: int) -> bool:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections on that port of loopback."""
    return port_answers(host, port)
