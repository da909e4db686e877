"""Names that say nothing are not used."""

import ast
import re

from tests.architecture import source

SAYS_NOTHING = {"core", "common", "utils", "util", "helpers", "helper", "manager", "managers", "misc"}


def _words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_words_are_found_in_both_spellings() -> None:
    assert _words("LightManager") & SAYS_NOTHING
    assert _words("http_utils") & SAYS_NOTHING
    assert not _words("Commonplace") & SAYS_NOTHING


def test_no_file_or_folder_has_an_empty_name() -> None:
    files = source.program() + source.tests()
    assert [str(file.path) for file in files for part in file.module if _words(part) & SAYS_NOTHING] == []


def test_no_class_has_an_empty_name() -> None:
    classes = [node for file in source.program() for node in ast.walk(file.tree) if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes if _words(node.name) & SAYS_NOTHING] == []
