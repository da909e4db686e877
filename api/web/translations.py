"""The words of the pages: which language, and which part of the catalogue a page loads."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from devices.wording.catalogue import LANGUAGES, Language, Words, all_words, find_language

SERVER_ONLY: Final = frozenset({"alarm_text", "alarm_remedy", "fault"})
"""Sections, and parts of a kind's section, of which browsers get the texts from the API."""
_SECTION: Final = re.compile(r"""["'`]([a-z][a-z0-9_]*)\.""")


def choose_language(asked: str | None, kept: str | None, accepted: str) -> Language:
    """Language of a page: asked for in the address, else kept by a cookie, else the browser's wish, else German."""
    for wish in (asked, kept):
        if wish in LANGUAGES:
            return wish
    return find_language(accepted) or "de"


def browser_words(pages: Mapping[str, Iterable[str]], kinds: Iterable[str]) -> Mapping[str, bytes]:
    """Files of words: one for all pages, and one for each page with what only that one says.

    `pages` has the text of all modules that a page may load. A section is needed where one of them names it.
    """
    needed = {page: {s for source in sources for s in _SECTION.findall(source)} for page, sources in pages.items()}
    often = [section for sections in needed.values() for section in sections]
    shared = {section for section in often if often.count(section) > 1} | set(kinds)
    found = {}
    for language in LANGUAGES:
        words = all_words()[language]
        found[f"messages/{language}.json"] = _packed(words, shared)
        for page, sections in needed.items():
            found[f"messages/{page}.{language}.json"] = _packed(words, sections - shared)
    return found


def _packed(words: Words, sections: set[str]) -> bytes:
    chosen = {
        key: entry
        for key, entry in words.items()
        if (parts := key.split("."))[0] in sections and SERVER_ONLY.isdisjoint(parts[:2])
    }
    return json.dumps(chosen, ensure_ascii=False, separators=(",", ":")).encode()
