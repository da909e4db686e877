"""How many files and connections a process may have open: as many as the system allows; told where that is short."""

import resource
from typing import Final

from devices.errors import ConfigurationError

RESERVED: Final = 500
"""Of the broker, for its own files; no connection gets these."""
_UNLIMITED: Final = 1_048_576
_LEAST: Final = 64


def raise_limit() -> int:
    """Let this process and those it starts open as many files as the system allows; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _UNLIMITED) if hard != resource.RLIM_INFINITY else _UNLIMITED
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return min(soft, _UNLIMITED) if soft != resource.RLIM_INFINITY else _UNLIMITED
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # such as on macOS, whose kernel allows less than it says
        return soft
    return wanted


def broker_connections(wanted: int, *, insisted: bool) -> int:
    """Tell how many the broker may have: `wanted`, or as many as fit. Raises ConfigurationError if `insisted`."""
    limit = raise_limit()
    if wanted + RESERVED <= limit:
        return wanted
    if insisted or limit < RESERVED + _LEAST:
        raise ConfigurationError(
            f"broker.max_connections = {wanted} needs {wanted + RESERVED} open files and the system allows {limit}: "
            "raise it (`ulimit -Hn`, LimitNOFILE= of the service, ulimits of the container) or lower "
            "broker.max_connections"
        )
    return limit - RESERVED
