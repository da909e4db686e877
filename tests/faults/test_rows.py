"""The table of `docs/reliability.md` has rows for each kind of attack and fault that is promised to be tried."""

import re
from pathlib import Path
from typing import Final

ABUSE: Final = {f"A{n:02}" for n in (*range(1, 17), 18)}
"""A17 is the browser's own, in tests/browser."""
BROKEN: Final = {f"F{n:02}" for n in range(1, 25)} - {"F17", "F23"}
"""Days on which clocks change belong to calendars; an upgrade with what waits is tests/system/test_backup.py's kind."""


def test_each_attack_and_fault_has_a_row() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    told = set(re.findall(r'report\(\s*"([AF]\d\d)"', sources))
    assert (ABUSE | BROKEN) - told == set()
