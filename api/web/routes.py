"""Pages and their files; none of these routes is part of the documented API."""

from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.web import translations
from api.web.encoding import choose, compress
from api.web.shell import PageShell

LANGUAGE_COOKIE: Final = "lautern_language"
THEME_COOKIE: Final = "lautern_theme"
_YEAR_S: Final = 31_536_000
_CSP: Final = (
    "default-src 'self'; img-src {images}; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def build_page_routes(shell: PageShell) -> APIRouter:
    """Return a route for each page of the shell, for its files and for the way in."""
    router = APIRouter(include_in_schema=False)
    headers = {
        "Content-Security-Policy": _csp(shell.options.tile_url),
        "Vary": "Accept-Encoding, Accept-Language, Cookie",
    }

    @router.get("/")
    async def root() -> RedirectResponse:
        return RedirectResponse("/city")

    @router.get("/static/{digest}/{path:path}")
    async def static(digest: str, path: str, request: Request) -> Response:
        await shell.files.prepare(path)
        found = shell.files.answer(request, digest, path)
        if found is None:
            raise HTTPException(404)
        return found

    async def page(request: Request) -> HTMLResponse:
        asked, cookies = request.query_params.get("lang"), request.cookies
        accepted = request.headers.get("accept-language", "")
        language = translations.choose_language(asked, cookies.get(LANGUAGE_COOKIE), accepted)
        theme = cookies.get(THEME_COOKIE, "")
        path = getattr(request.scope["route"], "path", "")
        html = shell.render(path, language, theme if theme in {"light", "dark"} else "")
        encoding = choose(request.headers.get("accept-encoding", ""))
        packed = compress(html.encode(), encoding, quickly=True) if encoding else html
        answer = HTMLResponse(packed, headers=headers | ({"Content-Encoding": encoding} if encoding else {}))
        if asked == language:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, samesite="lax")
        return answer

    for path in shell.pages:
        router.add_api_route(path, page, methods=["GET"], response_class=HTMLResponse)
    return router


def _csp(tile_url: str) -> str:
    """Everything from here; with a tile server its pictures too, and the empty one that Leaflet ends a tile with."""
    host = urlsplit(tile_url.replace("{s}", "*"))
    return _CSP.format(images=f"'self' data: {host.scheme}://{host.netloc}" if host.netloc else "'self'")
