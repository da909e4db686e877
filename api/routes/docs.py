"""Swagger UI from our own files, so that the documentation works offline and tells nobody that it is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

ASSETS: Final = Path(__file__).parent.parent / "assets"
_CSP: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_PAGE: Final[Mapping[str, str]] = {"Content-Security-Policy": _CSP}
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> FileResponse:
    """Interactive documentation."""
    return FileResponse(ASSETS / "docs.html", headers=dict(_PAGE))


class _Assets(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def mount_docs_files(app: FastAPI) -> None:
    """Serve the page's files."""
    app.mount("/docs/assets", _Assets(directory=ASSETS), name="docs-assets")
