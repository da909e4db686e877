"""The OpenAPI description, with our problems in place of the framework's errors."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from api.problems import Problem

_REF = "#/components/schemas/{model}"


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
            self.openapi_schema = found
        return self.openapi_schema
