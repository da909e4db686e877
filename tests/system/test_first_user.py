"""How the first people get in: by `lautern init`, and by whoever has the machine."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.system.terminal import Terminal

LINK = re.compile(r"http://127\.0\.0\.1:8000/sign-in#token=[\w-]{43}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("first"))


@pytest.fixture
def lautern(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def users(lautern: Terminal, folder: str) -> dict[str, Any]:
    return {user["id"]: user for user in lautern.value("user", "list", "--data-dir", folder)}


def test_init_prints_a_link_instead_of_a_default_password_and_another_when_run_again(
    lautern: Terminal, folder: str
) -> None:
    first, second = lautern("init", "--data-dir", folder), lautern("init", "--data-dir", folder)
    assert "The first key for programs" in first
    assert "The first key for programs" not in second
    assert len({*LINK.findall(first), *LINK.findall(second)}) == 2
    admin = users(lautern, folder)["admin"]
    assert admin["roles"] == [{"role": "admin", "tenant_id": None, "limits": []}]
    assert not admin["has_password"]


def test_who_has_the_machine_makes_the_brigades_first_leader(lautern: Terminal, folder: str) -> None:
    said = lautern("user", "add", "leader", "--role", "drone_leader", "--data-dir", folder)
    assert len(LINK.findall(said)) == 1
    assert users(lautern, folder)["leader"]["roles"] == [
        {"role": "drone_leader", "tenant_id": "kaiserslautern", "limits": []}
    ]


def test_a_refusal_is_one_sentence_that_names_the_field(lautern: Terminal, folder: str) -> None:
    said = lautern("user", "add", "x", "--role", "emperor", "--data-dir", folder, code=2)
    assert said.startswith("lautern: A value is not acceptable: roles.role: must be one of ")
    assert said.count("\n") == 1
    assert "id: This is not available: choose another." in lautern(
        "user", "add", "leader", "--role", "viewer", "--data-dir", folder, code=1
    )
