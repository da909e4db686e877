"""Names that say nothing are not used, and none stands for two things."""

import ast
import re
from collections import defaultdict

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


def test_no_function_of_one_word_is_defined_in_three_modules() -> None:
    found = defaultdict(set)
    for file in source.program():
        for node in file.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "_" not in node.name:
                found[node.name].add(str(file.path))
    known = {"main", "upgrade"}  # what Python's and alembic's programs begin with
    assert {name: where for name, where in found.items() if len(where) > 2 and name not in known} == {}


def test_no_two_public_classes_have_one_name() -> None:
    found = defaultdict(list)
    for file in source.program():
        for node in file.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file.path))
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_the_glossary_names_what_there_is() -> None:
    text = (source.ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = re.findall(r"((?:`[A-Z][A-Za-z]+`(?:, )?)+) in `([a-z_/]+\.py)`", text)
    assert len(named) > 40
    classes = {
        str(file.path): {node.name for node in file.tree.body if isinstance(node, ast.ClassDef)}
        for file in source.program()
    }
    wanted = [(name, path) for names, path in named for name in re.findall(r"[A-Z][A-Za-z]+", names)]
    assert [(name, path) for name, path in wanted if name not in classes.get(path, set())] == []
