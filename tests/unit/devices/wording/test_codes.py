"""Every code that the program raises has its texts, every text is used, and what fills a text is given."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple, cast, get_args

import pytest
from pydantic_core import PydanticKnownError, core_schema

from devices.errors import CodedError, LauternError
from devices.wording.catalogue import PLACEHOLDER, all_words, problem_key
from runtime.reference_docs.__main__ import CODES
from runtime.reference_docs.codes import codes_page

ROOT: Final = Path(__file__).parents[4]
PACKAGES: Final = ("api", "application", "cli", "devices", "gateway", "runtime", "storage")
NO_PARAMETERS: Final = frozenset({"field", "all_of_channel", "retry_after_s", "held_s"})
PYDANTIC: Final = frozenset(get_args(core_schema.ErrorType))
PAGES: Final = frozenset({"no_answer", "other", "wait"})
STATUSES: Final = frozenset(s.phrase.lower().replace(" ", "_") for s in HTTPStatus)


class Raised(NamedTuple):
    """A code where it is raised; `given` None where that cannot be read from the source."""

    code: str
    given: frozenset[str] | None
    where: str


def classes(base: type[LauternError]) -> Iterator[type[LauternError]]:
    yield base
    for below in base.__subclasses__():
        yield from classes(below)


@pytest.fixture(scope="module", autouse=True)
def every_module() -> None:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def raised() -> Iterator[Raised]:
    # The first argument of IdUnavailable is the field.
    names = {c.__name__ for c in classes(CodedError)} - {"IdUnavailable"} | {"ValueRefused", "CodedText"}
    for path, tree in trees():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in names:
                for code in literals(call.args[0]):
                    yield Raised(code, given(call, name), f"{path.relative_to(ROOT)}:{call.lineno}")


def literals(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*literals(node.body), *literals(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value else []


def given(call: ast.Call, name: str) -> frozenset[str] | None:
    if name != "CodedText":
        return None if any(k.arg is None for k in call.keywords) else frozenset(str(k.arg) for k in call.keywords)
    if len(call.args) < 2:
        return frozenset()
    values = call.args[1]
    if not isinstance(values, ast.Dict) or None in values.keys:
        return None
    return frozenset(str(key.value) for key in values.keys if isinstance(key, ast.Constant))


def placeholders(entry: Any) -> set[str]:
    return set(PLACEHOLDER.findall(entry if isinstance(entry, str) else " ".join(entry.values())))


def test_every_code_that_is_raised_has_its_text_and_gives_what_fills_it() -> None:
    words = all_words()["en"]
    found = list(raised())
    assert len(found) > 150
    assert [one for one in found if problem_key(one.code) not in words] == []
    assert [
        (one, missing)
        for one in found
        if one.given is not None and (missing := placeholders(words[problem_key(one.code)]) - one.given)
    ] == []


def test_every_parameter_that_is_given_is_said() -> None:
    words = all_words()["en"]
    told = ((one, one.given or frozenset()) for one in raised())
    assert [
        (one, more)
        for one, names in told
        if (more := names - NO_PARAMETERS - placeholders(words[problem_key(one.code)])) - {"allowed"}
    ] == []


def test_every_text_of_a_problem_is_used() -> None:
    known = {str(n.value) for _, tree in trees() for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    known |= {c.class_code() for c in classes(LauternError)} | PYDANTIC | PAGES | STATUSES
    codes = [code_of(key) for key in all_words()["en"] if "problem" in key.split(".")[:2]]
    assert [code for code in codes if code not in known] == []


def test_the_committed_list_of_codes_is_current() -> None:
    assert (ROOT / CODES).read_text(encoding="utf-8") == codes_page(), "write it with: python -m runtime.reference_docs"


def code_of(key: str) -> str:
    kind, _, name = key.partition("problem.")
    return kind + name


def test_the_english_of_a_class_is_its_docstring() -> None:
    words: Mapping[str, Any] = all_words()["en"]
    told = {c: words.get(problem_key(c.class_code())) for c in classes(LauternError) if c.__name__ != "SeveralInvalid"}
    assert {
        c.__name__: text for c, text in told.items() if text and text != (c.__doc__ or "").strip().split("\n")[0]
    } == {}


def test_our_codes_are_not_those_of_pydantic() -> None:
    assert {one.code for one in raised()} & PYDANTIC == set()


def test_pydantic_gives_what_fills_its_texts() -> None:
    words = all_words()["en"]
    for code in sorted(PYDANTIC):
        if (key := problem_key(code)) in words:
            template = PydanticKnownError(cast("Any", code), example(code)).message_template
            assert placeholders(words[key]) <= set(PLACEHOLDER.findall(template)) - {"expected_plural"}, code


def example(code: str) -> dict[str, Any] | None:
    """A context that this type of error takes."""
    numbers = {"gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "actual_length"}
    wanted: dict[str, Any] = {}
    for _ in range(9):
        try:
            PydanticKnownError(cast("Any", code), wanted or None)
        except TypeError as error:
            name = str(error).split("'")[1]
            wanted[name] = 1 if name in numbers else "x"
        else:
            break
    return wanted or None
