"""Named points at which a test build of the gateway breaks; see `build/sitecustomize.py`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT

BUILD: Final = Path(__file__).parent / "build"


class Points:
    """Asks the gateway of an installation, made with `faulty_build`, to break; and knows whether it did."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faults"
        self._marks = folder / "faults.took_place"

    @contextmanager
    def armed(self, point: str, action: str, nth: int = 1, seconds: float = 0.0) -> Iterator[None]:
        """Inside the block the `nth` passage of a point kills, raises, sleeps, refuses or hangs; it must take place."""
        before = self.took_place(point)
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{point} {action} {nth} {seconds}")
        draft.rename(self._file)
        try:
            yield
            wait_until(lambda: self.took_place(point) > before, timeout_s=40, what=f"{action} at {point}")
        finally:
            self._file.unlink(missing_ok=True)

    def took_place(self, point: str) -> int:
        """How often a fault took place at a point so far."""
        if not self._marks.exists():
            return 0
        return sum(line.split()[0] == point for line in self._marks.read_text().splitlines())


def faulty_build(folder: Path) -> dict[str, str]:
    """Environment of a gateway that breaks when the `Points` of this folder ask for it."""
    return {"PYTHONPATH": f"{BUILD}{os.pathsep}{ROOT}", "LAUTERN_TEST_FAULTS": str(folder / "faults")}
