"""The OpenAPI description, with our problems in place of the framework's errors; its version follows from it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from api.problems import Problem

RELEASE: Final = "1.0.0"
"""What clients can rely on: its first number is that of `/api/v1`. What is added changes the digest behind it only."""
_REF = "#/components/schemas/{model}"
_DIGITS: Final = 12


class DescribedApi(FastAPI):
    """FastAPI whose description tells our problems as they are."""

    def openapi(self) -> dict[str, Any]:
        """Return the description."""
        if self.openapi_schema is None:
            found = super().openapi()
            _, problems = models_json_schema([(Problem, "serialization")], ref_template=_REF)
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(problems["$defs"])
            found["components"]["schemas"] = dict(sorted(schemas.items()))
            found["info"]["version"] = derive_version(RELEASE, found)
            self.openapi_schema = found
        return self.openapi_schema


def derive_version(release: str, described: Mapping[str, Any]) -> str:
    """Return `release+digest`, a semantic version; the digest is of all that is described but the version itself."""
    info = {name: value for name, value in described["info"].items() if name != "version"}
    text = json.dumps({**described, "info": info}, sort_keys=True, ensure_ascii=False)
    return f"{release}+{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"
