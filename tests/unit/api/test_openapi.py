"""The committed description is the program's, and changes only with its version."""

import json
from pathlib import Path

from api.openapi_file import changed_without_version, describe_api, main, openapi_text

COMMITTED = Path("docs/reference/openapi.json")
CURE = "raise API_VERSION in api/application.py, then: python -m api.openapi_file docs/reference/openapi.json"


def test_the_committed_description_is_current() -> None:
    now = describe_api()
    committed = json.loads(COMMITTED.read_text())
    assert not changed_without_version(committed, now), f"the API changed without its version: {CURE}"
    assert committed == json.loads(openapi_text(now)), CURE


def test_a_change_without_a_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    assert main(path) == ""
    written = path.read_text()
    assert main(path) == ""
    path.write_text(written.replace("/api/v1/me", "/api/v1/you"))
    assert "API_VERSION" in main(path)
    older = json.loads(path.read_text())
    older["info"]["version"] = "0.9.0"
    path.write_text(openapi_text(older))
    assert main(path) == ""
    assert path.read_text() == written


def test_errors_are_described_as_ours() -> None:
    described = openapi_text(describe_api())
    assert "HTTPValidationError" not in described
    assert '"#/components/schemas/Problem"' in described
