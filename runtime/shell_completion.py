"""Completion by the shell: what follows a verb is completed by the verb's own program."""

import re
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "_LAUTERN_COMPLETE"
"""Set by the shells' scripts that `lautern --install-completion` writes."""
_WORDS, _PLACE, _LINE = "COMP_WORDS", "COMP_CWORD", "_TYPER_COMPLETE_ARGS"
_FIRST_TWO: Final = re.compile(r"^\s*(?P<program>\S+)\s+(?P<verb>\S+)(?=\s)")


def handed_on(environment: Mapping[str, str], verbs: Mapping[str, str]) -> tuple[str, Mapping[str, str]] | None:
    """Module that completes the line, and what it needs to be told; None when the line has no verb with a module yet.

    `verbs`: modules by verb. bash tells words and a place among them; zsh and fish tell the line so far.
    """
    if not environment.get(VARIABLE, "").startswith("complete_"):
        return None
    place = int(environment.get(_PLACE) or 0)
    name = _WORDS if _WORDS in environment else _LINE
    found = _FIRST_TWO.match(environment.get(name, ""))
    if found is None or found["verb"] not in verbs or (name == _WORDS and place < 2):
        return None
    rest = found["program"] + environment[name][found.end() :]
    return verbs[found["verb"]], {**environment, name: rest, _PLACE: str(place - 1)}
