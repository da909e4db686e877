"""The table of codes in docs/reference/codes.md: what errors and faults are called for programs, and their texts."""

from collections.abc import Iterator
from typing import Final

from devices.wording.catalogue import PLACEHOLDER, Entry, all_words

_HEAD: Final = """# Codes

Made from the catalogue by `python -m runtime.reference_docs`. `code` in a problem, and in each of its `errors`, is
one of these; `params` are what its text names in braces. Types of pydantic (`missing`, `string_too_short`, …) are codes
too. More will come; none is renamed or given another meaning within a version of the API. A client treats one that it
does not know by `type` and `status`, and shows `detail`.
"""


def codes_page() -> str:
    """The page as it is committed."""
    words = all_words()
    lines = [_HEAD, "## Errors", "", "| code | English | German |", "|---|---|---|"]
    lines += [_line(code, words["en"][key], words["de"][key]) for key, code in _problems()]
    lines += ["", "## Faults of the installation", "", "| code | English | German |", "|---|---|---|"]
    for key in (key for key in words["en"] if key.startswith("fault.") and key.endswith(".cause")):
        lines.append(_line(key.split(".")[1], words["en"][key], words["de"][key]))
    return "\n".join(lines) + "\n"


def error_codes() -> frozenset[str]:
    """All codes of errors that the catalogue has."""
    return frozenset(code for _, code in _problems())


def _problems() -> Iterator[tuple[str, str]]:
    for key in sorted(all_words()["en"]):
        kind, found, name = key.partition("problem.")
        if found and (not kind or kind.count(".") == 1):
            yield key, kind + name


def _line(code: str, *texts: Entry) -> str:
    return " | ".join([f"| `{code}`", *(_cell(text) for text in texts)]) + " |"


def _cell(entry: Entry) -> str:
    text = entry if isinstance(entry, str) else entry["other"]
    return PLACEHOLDER.sub(r"`{\1}`", text.replace("|", "\\|"))
