"""Fields of wire models with what their declarations carry beside the type."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, TypeVar, get_args, get_origin

from pydantic import BaseModel

from devices.fields import FieldUnit, PlausibleRange

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DescribedField:
    """One field. `models`: the nested models of its type; `many`: there may be several of them."""

    name: str
    unit: FieldUnit | None
    plausible: PlausibleRange | None
    text: str
    models: tuple[type[BaseModel], ...]
    many: bool


def described_fields(model: type[BaseModel]) -> Iterator[DescribedField]:
    """Yield the fields of a model in order."""
    texts = _texts(model)
    for name, field in model.model_fields.items():
        marks = (*_marks(field.annotation), *field.metadata)
        models = tuple(_models(field.annotation))
        many = bool(models) and _is_many(field.annotation)
        yield DescribedField(
            name, _last(marks, FieldUnit), _last(marks, PlausibleRange), texts.get(name, ""), models, many
        )


def nested_models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The model and all models within it."""
    found = {model}
    for field in described_fields(model):
        for inner in field.models:
            found |= nested_models(inner)
    return found


def _last(marks: tuple[object, ...], wanted: type[T]) -> T | None:
    """The outermost mark: what a field says over what its type says."""
    return next((mark for mark in reversed(marks) if isinstance(mark, wanted)), None)


def _marks(annotation: object) -> Iterator[object]:
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from _marks(arguments[0])
        yield from arguments[1:]
    else:
        for argument in arguments:
            yield from _marks(argument)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _is_many(annotation: object) -> bool:
    return get_origin(annotation) in {list, tuple} or any(map(_is_many, get_args(annotation)))


@cache
def _texts(model: type[BaseModel]) -> Mapping[str, str]:
    """What the text under each field says; pydantic keeps no such texts."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
            found |= dict(_under_fields(body.body if isinstance(body, ast.ClassDef) else []))
    return found


def _under_fields(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(below.value.value)
