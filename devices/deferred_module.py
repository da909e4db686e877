"""A library that is loaded when something of it is asked for, so that a role that never does has not its memory."""

import importlib
from typing import Any


class DeferredModule:
    """Stands for a module; importing is left to the first use, by whichever thread. Type checkers see the module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(importlib.import_module(self._name), attribute)
