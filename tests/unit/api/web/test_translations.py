"""Both languages say the same things, and every text that is asked for is there."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from api.web import translations
from devices.wording.catalogue import load_catalogue, wording_folders

API: Final = Path(translations.__file__).parent.parent
FOLDERS: Final = wording_folders()
SHARED: Final = FOLDERS[0]
SOURCES: Final = [
    path
    for folder in (API / "web", *sorted(API.glob("kinds/*/web")))
    for path in sorted((*folder.rglob("*.js"), *folder.rglob("*.html")))
    if "vendor" not in path.parts
]
ASKED: Final = re.compile(r"""\bt\(\s*["'`]([a-z][a-z0-9_.]*)["'`]\s*[,)]""")
CHOSEN: Final = re.compile(r"""\bt\([^()"'`]+\?\s*"([a-z0-9_.]+)"\s*:\s*"([a-z0-9_.]+)"\s*[,)]""")
BEGUN: Final = re.compile(r"\bt\(`([a-z][a-z0-9_.]*\.)\$\{")
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def catalogue(folder: Path, language: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
    return found


def texts(entry: Any) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())


def placeholders(entry: Any) -> set[str]:
    return {name for text in texts(entry) for name in PLACEHOLDER.findall(text)}


def asked() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for key in (*ASKED.findall(text), *(key for pair in CHOSEN.findall(text) for key in pair)):
            yield key, str(path.relative_to(API))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.parent.name)
def test_both_languages_have_the_same_keys_plurals_and_placeholders(folder: Path) -> None:
    german, english = catalogue(folder, "de"), catalogue(folder, "en")
    assert german.keys() == english.keys()
    for key, entry in german.items():
        assert placeholders(entry) == placeholders(english[key]), key
        assert isinstance(entry, str) == isinstance(english[key], str), key
        assert isinstance(entry, str) or {*entry, *english[key]} == {"one", "other"}, key
        assert all(text.strip() == text != "" for text in (*texts(entry), *texts(english[key]))), key


def test_every_text_that_is_asked_for_is_there() -> None:
    known = load_catalogue(FOLDERS)["de"]
    assert [(key, where) for key, where in asked() if key not in known] == []
    begun = {start for path in SOURCES for start in BEGUN.findall(path.read_text(encoding="utf-8"))}
    assert [start for start in begun if not any(key.startswith(start) for key in known)] == []


def test_the_search_for_texts_finds_some() -> None:
    assert {"shell.loading", "chart.time", "sign_in.title"} <= {key for key, _ in asked()}


def test_a_kinds_words_bear_its_name() -> None:
    for folder in FOLDERS[1:]:
        kind = folder.parent.name
        web = API / "kinds" / kind / "web" / "__init__.py"
        pages = {page for page, _ in re.findall(r'Page\(\s*"(\w+)"(,)', web.read_text())} if web.exists() else set()
        starts = {kind, *pages}
        assert {key for key in catalogue(folder, "de") if key.partition(".")[0] not in starts} == set()


@pytest.mark.parametrize(
    ("asked_for", "kept", "accepted", "language"),
    [
        (None, None, "", "de"),
        (None, None, "fr;q=0.9, en-GB;q=0.8, de;q=0.1", "en"),
        (None, "de", "en", "de"),
        ("en", "de", "de", "en"),
        ("klingon", None, "de-AT, en", "de"),
    ],
)
def test_the_language_is_the_one_asked_for_kept_or_wished(
    asked_for: str | None, kept: str | None, accepted: str, language: str
) -> None:
    assert translations.choose_language(asked_for, kept, accepted) == language
