"""What pydantic finds wrong, by its types: `string_too_short`, `missing`, …; our own validators' refusals by theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from devices.errors import Invalid, ValueRefused
from devices.wording.catalogue import CodedText, Language, find_text, problem_key

if TYPE_CHECKING:
    from pydantic import ValidationError

ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"


def code_validation_error(error: Mapping[str, Any]) -> CodedText:
    """Code and parameters of one of `ValidationError.errors()`."""
    context = error.get("ctx") or {}
    if isinstance(refused := context.get("error"), ValueRefused):
        return refused.reason
    if context.get("pattern") == ID_PATTERN:
        return CodedText("malformed_id")
    return CodedText(error["type"], {name: _plain(value) for name, value in context.items()})


def word_validation_error(error: Mapping[str, Any], language: Language) -> str:
    """The same in words; pydantic's own in English, and where the catalogue has none."""
    coded = code_validation_error(error)
    if language == "en" and coded.code == error["type"]:
        return str(error["msg"])
    return find_text(language, problem_key(coded.code), coded.params) or str(error["msg"])


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with a field; `error` is pydantic's, where it found it."""

    field: str
    reason: CodedText
    error: Mapping[str, Any] | None = None

    def text(self, language: Language) -> str:
        """In words."""
        return self.reason.text(language) if self.error is None else word_validation_error(self.error, language)


def validation_problem(error: Mapping[str, Any], place: Sequence[Any]) -> FieldProblem:
    """One of pydantic's errors, at a place: of the whole where that is empty."""
    return FieldProblem(".".join(map(str, place)) or "body", code_validation_error(error), error)


class SeveralInvalid(Invalid):
    """Some values are not acceptable."""

    def __init__(self, errors: Sequence[FieldProblem], reason: str = "", **params: object) -> None:
        self.errors = tuple(errors)
        """All of them; `field` is that of the first."""
        super().__init__(reason, field=self.errors[0].field if self.errors else None, **params)

    @classmethod
    def problem_type(cls) -> str:
        """It is of the sort of one that is not acceptable."""
        return Invalid.problem_type()


def invalid_body(error: "ValidationError", prefix: str = "") -> SeveralInvalid:
    """Name each field of a failed validation, each under `prefix` (such as `arguments`)."""
    lead = (prefix,) if prefix else ()
    return SeveralInvalid([validation_problem(e, (*lead, *e["loc"])) for e in error.errors(include_url=False)])


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) else str(value)
