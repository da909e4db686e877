"""The places at which the fault suite kills: a name that is no longer there would kill nobody."""

import ast
import importlib

import pytest

from tests.architecture import source

_TREE = ast.parse((source.ROOT / "tests" / "faults" / "build" / "sitecustomize.py").read_text(encoding="utf-8"))
POINTS: dict[str, tuple[str, str, str, str]] = next(
    ast.literal_eval(node.value)
    for node in _TREE.body
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "POINTS" and node.value is not None
)


@pytest.mark.parametrize("point", POINTS)
def test_what_it_names_is_there(point: str) -> None:
    module, name, method, _ = POINTS[point]
    assert callable(getattr(getattr(importlib.import_module(module), name), method))
