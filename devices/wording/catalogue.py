"""Loads the catalogue: shared texts from `devices/wording/`, a kind's own from `devices/<kind>/wording/`.

Each folder has one file per language, `de.json` and `en.json`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["de", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
Entry = str | Mapping[str, str]
"""Text with `{placeholders}`, or by plural category (`one`, `other`) of the placeholder `n`."""
Words = Mapping[str, Entry]
_SHARED: Final = Path(__file__).parent
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def wording_folders() -> Sequence[Path]:
    """Folders of the catalogue, the shared one first."""
    return [
        _SHARED,
        *sorted(path.parent for path in _SHARED.parent.glob("*/wording/de.json") if path.parent != _SHARED),
    ]


def load_catalogue(folders: Iterable[Path]) -> Mapping[Language, Words]:
    """Merge the catalogues of the given folders. Raises ValueError for a key that two of them have."""
    merged: dict[Language, dict[str, Entry]] = {language: {} for language in LANGUAGES}
    for folder in folders:
        for language, words in merged.items():
            path = folder / f"{language}.json"
            found: dict[str, Entry] = json.loads(path.read_text(encoding="utf-8"))
            if twice := words.keys() & found.keys():
                raise ValueError(f"{path}: another catalogue has {', '.join(sorted(twice))} too")
            words.update(found)
    return merged


@cache
def all_words() -> Mapping[Language, Words]:
    """The whole catalogue, read once in a process."""
    return load_catalogue(wording_folders())


def find_text(language: Language, key: str, params: Mapping[str, object] | None = None) -> str | None:
    """Text of a key with its placeholders filled in; None when there is no such key."""
    entry = all_words()[language].get(key)
    return None if entry is None else fill_text(language, entry, params or {})


def require_text(language: Language, key: str, **params: object) -> str:
    """Text of a key that is there. Raises KeyError."""
    return fill_text(language, all_words()[language][key], params)


def fill_text(language: Language, entry: Entry, params: Mapping[str, object]) -> str:
    """Text with its placeholders filled in; what is not given stays as it stands."""
    text = entry if isinstance(entry, str) else entry["one" if params.get("n") == 1 else "other"]
    return PLACEHOLDER.sub(lambda m: _write(language, params[m[1]]) if m[1] in params else m[0], text)


def find_language(accepted: str) -> Language | None:
    """The first of our languages in an Accept-Language header."""
    for wish in accepted.split(","):
        tag = wish.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return None


def problem_key(code: str) -> str:
    """Key of the text of an error's code; a kind's own codes begin with its name and a dot."""
    kind, dot, name = code.rpartition(".")
    return f"{kind}{dot}problem.{name}"


@dataclass(frozen=True, slots=True)
class CodedText:
    """A code of the catalogue, and what fills its text; for people in their language, for programs as it is."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language = "en") -> str:
        """In words; the code's own where the catalogue has none."""
        found = find_text(language, problem_key(self.code), self.params)
        return self.code if found is None else found


NOTHING_SAID: Final = CodedText("")


def _write(language: Language, value: object) -> str:
    if isinstance(value, CodedText):
        return value.text(language).rstrip(".")
    if isinstance(value, float):
        return f"{value:g}".replace(".", "," if language == "de" else ".")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_write(language, one) for one in value)
    return str(value)
