"""The committed description is the program's, and its version follows from what it says."""

import copy
import json
from pathlib import Path
from typing import Any

from api.openapi import RELEASE, derive_version
from runtime.reference_docs.openapi import describe_api, openapi_text

COMMITTED = Path("docs/reference/openapi.json")
CURE = "write it anew with: python -m runtime.reference_docs"


def test_the_committed_description_is_current() -> None:
    assert json.loads(COMMITTED.read_text()) == json.loads(openapi_text(describe_api())), CURE


def test_the_version_changes_with_what_is_described_and_with_nothing_else() -> None:
    described = describe_api()
    version = described["info"]["version"]
    assert version == derive_version(RELEASE, described)
    assert version.startswith(f"{RELEASE}+")
    versions = {version}
    changes: list[dict[str, Any]] = [
        {"paths": {}},
        {"info": {**described["info"], "summary": ""}},
        {"components": {}},
    ]
    for change in changes:
        versions.add(derive_version(RELEASE, {**described, **change}))
    assert len(versions) == 4
    other = copy.deepcopy(described)
    other["info"]["version"] = "0.9.0"
    assert derive_version(RELEASE, dict(reversed(other.items()))) == version


def test_errors_are_described_as_ours() -> None:
    described = openapi_text(describe_api())
    assert "HTTPValidationError" not in described
    assert '"#/components/schemas/Problem"' in described
