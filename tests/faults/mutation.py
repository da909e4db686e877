"""One rule of the program, broken on purpose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """A rule broken: `new` in place of `old` in a file, and the test that must notice."""

    rule: str
    file: str
    old: str
    new: str
    test: str
