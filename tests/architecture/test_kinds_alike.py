"""Each part of a kind has the same name in every kind; a kind may lack a part. docs/add-a-device-kind.md has them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from devices.kind_catalog import discover_kinds
from tests.architecture import imports, source

KINDS: Final = sorted(kind.name for kind in discover_kinds().values() if not kind.internal)
PARTS: Final = {
    "devices": {
        "TelemetryMessage": {"telemetry"},
        "StateMessage": {"state"},
        "InfoMessage": {"info"},
        "ConfigMessage": {"config"},
        "EventMessage": {"events"},
        "CommandBody": {"commands"},
        "KindLimits()": {"limits"},
        "RetentionClass()": {"privacy"},
        "DeviceKind()": {""},
    },
    "api": {"APIRouter()": {"", "routes"}, "WebPage()": {"web"}},
    "application": {"Protocol": {"ports"}},
    "gateway": {"on_samples": {"reactions"}},
    "storage": {"Table()": {"tables"}},
    "simulators": {"due_us": {"device"}},
    "cli": {"DemoPart()": {""}},
}
"""By package: what a class derives from or defines, or what is called, and in which part; "" is `__init__`."""
EXPORTED: Final = {
    "devices": {"KIND": "", "LIMITS": "limits", "RULES": "rules", "EVENTS": "events", "ROLES": "roles"},
    "api": {"PAGES": "web"},
    "storage": {"REPOSITORIES": "", "RETAINED": ""},
    "cli": {"DEMO": ""},
}


def folder_of(package: str, kind: str) -> tuple[str, ...]:
    """The kind's folder in a package, as parts of a module's name."""
    return {"devices": ("devices", kind), "cli": ("cli", "demo", "kinds", kind)}.get(package, (package, "kinds", kind))


def parts_of(package: str, files: tuple[source.Source, ...], kind: str) -> Iterator[tuple[str, source.Source]]:
    """Each file of a kind in a package, with the name of its part."""
    folder = folder_of(package, kind)
    for file in files:
        if file.module[: len(folder)] == folder:
            yield (*file.module[len(folder) :], "")[0], file


def holds(file: source.Source) -> set[str]:
    """What a file's classes derive from and define, and what it calls, with brackets."""
    found = set()
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef):
            found |= {base.id for base in node.bases if isinstance(base, ast.Name)}
            found |= {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(f"{node.func.id}()")
    return found


def misplaced(package: str, files: tuple[source.Source, ...], kind: str) -> list[str]:
    """What stands in a file of another name than its part has."""
    return [
        f"{file.path}: {what} belongs in {' or '.join(sorted(places))}"
        for part, file in parts_of(package, files, kind)
        for what, places in PARTS[package].items()
        if what in holds(file) and part not in places
    ] + [
        f"{file.path}: {name} belongs in {place or '__init__'}"
        for part, file in parts_of(package, files, kind)
        for name, place in EXPORTED.get(package, {}).items()
        if name in imports.assigned(file.tree) and part != place
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("package", PARTS)
def test_a_part_of_a_kind_has_its_name(package: str, kind: str) -> None:
    assert misplaced(package, source.program(), kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_in_a_file_named_like_its_port(kind: str) -> None:
    for part, file in parts_of("storage", source.program(), kind):
        for node in file.tree.body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Sql"):
                assert part == re.sub(r"(?<!^)([A-Z])", r"_\1", node.name.removeprefix("Sql")).lower()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_files_of_its_name_beside_the_kinds_icon(kind: str) -> None:
    web = source.ROOT.joinpath(*folder_of("api", kind), "web")
    if web.is_dir():
        pages = set(re.findall(r'WebPage\(\s*"(\w+)"', (web / "__init__.py").read_text()))
        wanted = {"icon.svg", *(f"{page}.{ending}" for page in pages for ending in ("js", "html"))}
        assert wanted - {path.name for path in web.iterdir()} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kinds_words_are_in_both_languages(kind: str) -> None:
    found = {path.name for path in (source.ROOT / "devices" / kind / "wording").glob("*")}
    assert found in ({"de.json", "en.json"}, set())


def test_the_guide_names_the_parts() -> None:
    guide = (source.ROOT / "docs" / "add-a-device-kind.md").read_text()
    named = set(re.findall(r"`(\w+)[`./]", guide[guide.index("## What is where") :]))
    wanted = {place for places in PARTS.values() for some in places.values() for place in some if place}
    assert wanted | {place for places in EXPORTED.values() for place in places.values() if place} <= named


def test_what_is_misplaced_is_found() -> None:
    wrong = (
        source.parse(Path("devices/toy/messages.py"), "class A(TelemetryMessage): pass\nRULES: T = ()"),
        source.parse(Path("simulators/kinds/toy/lamp.py"), "class A:\n    def due_us(self): pass"),
        source.parse(Path("storage/kinds/toy/books.py"), "A = Table('a')"),
    )
    assert len(misplaced("devices", wrong, "toy")) == 2
    assert [len(misplaced(package, wrong, "toy")) for package in ("simulators", "storage", "api")] == [1, 1, 0]
    assert misplaced("devices", (source.parse(Path("devices/toy/rules/__init__.py"), "RULES: T = ()"),), "toy") == []
