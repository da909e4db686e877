"""Kinds do not know one another, nothing else knows a kind by name, and no import hides in a function."""

from pathlib import Path

import pytest

from tests.architecture import imports, source


def test_no_import_of_ours_inside_a_function() -> None:
    assert [found for file in source.program() for found in imports.local(file)] == []


def test_only_a_kinds_own_folders_import_it() -> None:
    files = source.program()
    names = imports.kinds(files)
    assert [found for file in files for found in imports.strangers(file, names)] == []


@pytest.mark.parametrize(
    ("path", "statement"),
    [
        ("devices/fire_drone/rules.py", "from devices.streetlight.rules import lamp_failed"),
        ("devices/kind_catalog.py", "import devices.streetlight"),
        ("devices/fire_drone/rules.py", "from devices import streetlight"),
        ("devices/fire_drone/rules.py", "from ..streetlight import rules"),
        ("api/app.py", "from api.kinds.streetlight import routes"),
        ("storage/kinds/fire_drone/tables.py", "from devices.streetlight import LampState"),
    ],
)
def test_a_strangers_import_is_found(path: str, statement: str) -> None:
    assert imports.strangers(source.parse(Path(path), statement), {"streetlight", "fire_drone"})


@pytest.mark.parametrize("path", ["devices/streetlight/rules.py", "api/kinds/streetlight/routes.py"])
def test_a_kinds_own_import_is_none(path: str) -> None:
    own = source.parse(Path(path), "from devices.streetlight.model import LampState\nfrom devices import alarms")
    assert imports.strangers(own, {"streetlight"}) == []


def test_a_hidden_import_is_found() -> None:
    hidden = source.parse(Path("api/app.py"), "def f():\n    if True:\n        from devices import alarms\n")
    assert imports.local(hidden) == ["api/app.py:3 imports devices.alarms inside a function"]


def test_a_kind_is_known_by_its_declaration() -> None:
    declared = source.parse(Path("devices/streetlight/__init__.py"), "KIND = DeviceKind()")
    other = source.parse(Path("application/ports/__init__.py"), "")
    assert imports.kinds((declared, other)) == {"streetlight"}
