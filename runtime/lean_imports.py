"""What libraries would load besides, and no role uses; in force before the first of them is imported."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Final

_DRAWING: Final = "rich"
_LOGGING: Final = "structlog"


class WithoutDrawing:
    """Tells structlog, while it loads, that rich is not here: 5 MB a process, for tracebacks that we print plainly."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """Find nothing; others get rich as ever. Raises ModuleNotFoundError."""
        if name == _DRAWING and _is_loading(_LOGGING):
            raise ModuleNotFoundError(name=name)
        return None


def keep_imports_lean() -> None:
    """Do so in this process."""
    sys.meta_path.insert(0, WithoutDrawing)
    # Else pydantic reads the files of every package that is installed, at its first model.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _is_loading(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
