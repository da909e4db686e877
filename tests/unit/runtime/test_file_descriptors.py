"""Open files are raised to what the system allows, and what does not fit is said before it hurts."""

import resource

import pytest

from devices.errors import ConfigurationError
from runtime import file_descriptors


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    now = {"limit": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _which: now["limit"])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, wanted: now.update(limit=wanted))
    return now


def test_the_limit_is_raised_to_what_the_system_allows(limit: dict[str, tuple[int, int]]) -> None:
    assert file_descriptors.raise_limit() == 4096
    assert limit["limit"] == (4096, 4096)


def test_a_system_that_does_not_keep_its_word_leaves_it_as_it_was(
    limit: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_which: int, _wanted: tuple[int, int]) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert file_descriptors.raise_limit() == limit["limit"][0] == 1024


@pytest.mark.usefixtures("limit")
def test_connections_are_as_many_as_fit() -> None:
    assert file_descriptors.broker_connections(3000, insisted=True) == 3000
    assert file_descriptors.broker_connections(12_000, insisted=False) == 4096 - file_descriptors.RESERVED


@pytest.mark.usefixtures("limit")
def test_a_number_that_was_set_and_does_not_fit_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        ConfigurationError, match=r"max_connections = 12000 needs 12500 open files.*allows 4096.*LimitNOFILE"
    ):
        file_descriptors.broker_connections(12_000, insisted=True)


def test_too_few_for_anything_is_refused(limit: dict[str, tuple[int, int]]) -> None:
    limit["limit"] = (256, 256)
    with pytest.raises(ConfigurationError):
        file_descriptors.broker_connections(12_000, insisted=False)
