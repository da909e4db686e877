"""Who may do what: `role_matrix.csv`, written by hand, and how it is read. Nothing here is taken from the program.

One row for each documented route. `needs` is `public`, `signed in`, or the scope without which nobody gets there; where
it depends on the thing, `letter=scope` for each; `all:scope` where it must be held for all towns.

The other columns say what a role gets at, of the things of its town:

    I  the lamp of a group that the limited roles are limited to     N  a node of the event network
    O  another lamp                                                  D  a drone
    T  what belongs to the town and to no kind (users, keys, targets, …)
    +  the route, where it names no thing

What is not listed answers 404, whatever it is: so do all things of other towns. After `-` come the things that are seen
and refused with 403; `-` alone refuses all. A limited role holds within one group; `nobody` holds no role at all.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_name("role_matrix.csv")
PUBLIC: Final = "public"
SIGNED_IN: Final = "signed in"
EVERYWHERE: Final = "all:"
HOW_TO: Final = (
    f"add a row to tests/contracts/api/{TABLE.name} (or to one of that name in the kind's own folder), by thought and "
    "not from the code: the route, the scope it needs, and for each role what it gets at (role_matrix.py explains the "
    "letters); a route with a body needs one in matrix_town.py, too"
)


@dataclass(frozen=True)
class Row:
    """What one route grants."""

    method: str
    path: str
    needs: str
    cells: Mapping[str, str]

    @property
    def parameter(self) -> str | None:
        """The first thing that the path names."""
        return self.path.partition("{")[2].partition("}")[0] or None

    def granted(self, role: str) -> str:
        """Letters of what the role gets at."""
        return self.cells[role].partition("-")[0].strip()

    def forbidden(self, role: str) -> str | None:
        """Letters of what the role sees and is refused; None: nothing. Empty: whatever it asks for."""
        _, dash, letters = self.cells[role].partition("-")
        return letters.strip() if dash else None

    def status(self, role: str, letter: str | None) -> int:
        """What is answered for a thing (None: another town's): 200 for whatever is allowed, 403, 404."""
        if letter is not None and letter in self.granted(role):
            return 200
        forbidden = self.forbidden(role)
        if forbidden is None:
            return 404
        return 403 if not forbidden or (letter is not None and letter in forbidden) else 404

    def scopes(self) -> Mapping[str, str]:
        """Scope by the letter of the thing that it is needed for; `*` for all others."""
        if self.needs in {PUBLIC, SIGNED_IN}:
            return {}
        pairs = (word.rpartition("=") for word in self.needs.split())
        return {letter or "*": scope for letter, _, scope in pairs}


@lru_cache
def rows() -> tuple[Row, ...]:
    """The table, and those that kinds have in their own folders beside it."""
    found: list[Row] = []
    for path in (TABLE, *sorted(TABLE.parent.glob(f"*/{TABLE.name}"))):
        with path.open(newline="") as file:
            found += (
                Row(line.pop("method"), line.pop("path"), line.pop("needs"), {k: v.strip() for k, v in line.items()})
                for line in csv.DictReader(file)
            )
    return tuple(found)


def roles() -> tuple[str, ...]:
    """Names of the columns; one ends in `(limited)` where the role holds within a group only."""
    return tuple(rows()[0].cells)
