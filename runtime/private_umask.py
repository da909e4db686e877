"""What we make nobody else may open."""

import os
from typing import Final

UMASK: Final = 0o077


def keep_new_files_private() -> None:
    """From now on only our own user may open what we make, whatever the shell says; children inherit it."""
    os.umask(UMASK)
