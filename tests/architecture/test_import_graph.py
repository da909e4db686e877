"""Imports have one direction, and ARCHITECTURE.md shows which."""

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Final

import pytest
from grimp import ImportGraph, build_graph

from tests.architecture.source import PACKAGES, ROOT

DRAWN: Final = re.compile(r"^(\w+) +─+►(.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return build_graph(*PACKAGES)


def test_no_module_leads_back_to_itself(graph: ImportGraph) -> None:
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    assert len(list(order.static_order())) == len(graph.modules)


def test_the_drawing_is_what_the_packages_import(graph: ImportGraph) -> None:
    text = (
        (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Who imports whom")[2].partition("## ")[0]
    )
    drawn: Mapping[str, set[str]] = {name: set(re.findall(r"\w+", rest)) for name, rest in DRAWN.findall(text)}
    found: dict[str, set[str]] = {name: set() for name in PACKAGES}
    for module in graph.modules:
        here = module.partition(".")[0]
        found[here] |= {one.partition(".")[0] for one in graph.find_modules_directly_imported_by(module)} - {here}
    assert drawn == found
