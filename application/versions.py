"""Nobody overwrites a change he has not seen."""

from devices.errors import VersionMismatch


def check_version(seen: int | None, current: int) -> None:
    """Raise VersionMismatch unless the current version was seen; None: whichever it is."""
    if seen is not None and seen != current:
        raise VersionMismatch
