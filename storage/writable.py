"""Whether a folder can be written, asked of the file system itself: a disk that failed still looks writable."""

import tempfile
from pathlib import Path


def why_not_writable(folder: Path) -> str:
    """What the system says when something is written there; empty when all is well. Leaves nothing behind."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(b"?")
    except OSError as problem:
        return f"{folder} cannot be written: {(problem.strerror or str(problem)).lower()}"
    return ""


def with_reason(path: Path, error: Exception) -> str:
    """An error of a database with its reason where that is a folder that cannot be written: SQLite does not say so."""
    why = why_not_writable(path.absolute().parent)
    return f"{path}: {error}{f' ({why})' if why else ''}"
