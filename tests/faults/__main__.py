"""`python -m tests.faults [--long] [--check] [pytest's arguments]`: breaks Lautern and writes docs/reliability.md.

`--check` leaves the page as it is. Without arguments of pytest the short form runs in two processes: tests that load
the machine and measure one after the other, and beside them those that mostly wait for something to be noticed.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- figures: python -m tests.faults -->\n"
END: Final = "<!-- end of figures -->\n"
COLUMNS: Final = (
    "fault",
    "what was done",
    "with",
    "sent",
    "lost",
    "invented",
    "doubled",
    "came twice",
    "figures",
    "seed",
)
WORKERS: Final = "2"
COUNTED: Final = ("sent", "lost", "invented", "doubled", "came_twice")


def main(arguments: list[str]) -> int:
    """Run the suite; the page is written only when all of it ran and passed."""
    long = "--long" in arguments
    chosen = [argument for argument in arguments if argument not in {"--long", "--check"}]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        rows.touch()
        given = {"LAUTERN_TEST_RELIABILITY": str(rows)} | ({"LAUTERN_TEST_LONG": "1"} if long else {})
        where = [] if any(not argument.startswith("-") for argument in chosen) else ["tests/faults"]
        command = [sys.executable, "-m", "pytest", "-q", *where, *chosen]
        several = [] if long or chosen else ["-n", WORKERS, "--dist", "loadfile"]
        code = subprocess.run([*command, *several], cwd=ROOT, env={**os.environ, **given}, check=False).returncode
        found = [_cells(json.loads(line)) for line in rows.read_text().splitlines()]
    found.sort()
    _print(found)
    if code == 0 and not chosen and "--check" not in arguments:
        _write(found, long=long)
    return code


def _cells(row: dict[str, Any]) -> list[str]:
    account = row["account"] or {}
    counted = [f"{account[name]:,}" if name in account else "" for name in COUNTED]
    figures = ", ".join(f"{name} {_shown(value)}" for name, value in row["figures"].items())
    return [row["fault"], row["what"], row["parts"], *counted, figures, str(row["seed"] or "")]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        numbers = [v for v in value.values() if isinstance(v, int | float)]
        return f"at most {max(numbers)}" if numbers else ", ".join(value)
    return str(value)


def _print(rows: list[list[str]]) -> None:
    table = Table(title="Nothing lost")
    for column in COLUMNS:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console(width=200).print(table)


def _write(rows: list[list[str]], *, long: bool) -> None:
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    form = "long" if long else "short"
    on = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    lines = [f"Made {datetime.now(UTC):%Y-%m-%d} in the {form} form ({on}).\n", ""]
    lines += ["| " + " | ".join(row) + " |" for row in (list(COLUMNS), ["---"] * len(COLUMNS), *rows)]
    PAGE.write_text(head + BEGIN + "\n".join(lines) + "\n" + END + tail)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
