"""The words of the pages: one catalogue per language, for server and browser; each kind brings its own.

A folder's catalogue is `de.json` and `en.json`; long parts of it may stand apart, as in `fields.de.json`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal, get_args

from devices.errors import ConfigurationError

Language = Literal["de", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
SHARED: Final = Path(__file__).parent / "messages"
Entry = str | dict[str, str]
"""Text with `{placeholders}`, or by plural category (`one`, `other`) of the placeholder `n`."""


def load_translations(folders: Iterable[Path]) -> Mapping[Language, Mapping[str, Entry]]:
    """Merge the catalogues of the given folders. Raises ConfigurationError for a key that two of them have."""
    merged: dict[Language, dict[str, Entry]] = {language: {} for language in LANGUAGES}
    for folder in folders:
        for language, words in merged.items():
            for path in sorted(folder.glob(f"*{language}.json")):
                found: dict[str, Entry] = json.loads(path.read_text(encoding="utf-8"))
                twice = words.keys() & found.keys()
                if twice:
                    raise ConfigurationError(f"{path}: another catalogue has {', '.join(sorted(twice))} too")
                words.update(found)
    return merged


def translate(words: Mapping[str, Entry], key: str, **values: object) -> str:
    """Text of a key with its placeholders filled in; plural texts are the browser's."""
    entry = words[key]
    text = entry if isinstance(entry, str) else entry["other"]
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def choose_language(asked: str | None, kept: str | None, accepted: str) -> Language:
    """Language of a page: asked for in the address, else kept by a cookie, else the browser's wish, else German."""
    for wish in (asked, kept):
        if wish in LANGUAGES:
            return wish
    for wish in accepted.split(","):
        tag = wish.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return "de"
