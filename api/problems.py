"""Errors as RFC 9457 problems: the one table from error to HTTP status."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from application.telemetry.query_budget import QueryTooSlow
from devices.errors import (
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    LauternError,
    NotFound,
    RawDataGone,
    RegistryUnavailable,
    StoreUnavailable,
    Unauthenticated,
    VersionMismatch,
)

MEDIA_TYPE: Final = "application/problem+json"
_LOG = structlog.get_logger()


class FieldError(BaseModel):
    """What is wrong with one field; dots lead into the body, `query.` and `header.` beside it."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str
    request_id: str
    errors: list[FieldError] = []


class VersionNeeded(LauternError):
    """Send If-Match with the ETag you read, so that nobody's change is overwritten."""


class TooManyRequests(LauternError):
    """Too many requests; try again later."""

    def __init__(self, detail: str = "", *, retry_after_s: int = 60, held_s: float = 0) -> None:
        self.retry_after_s = retry_after_s
        self.held_s = held_s
        """Seconds until the answer is given."""
        super().__init__(detail)


class TooBusy(LauternError):
    """The server is busy with other requests; try again later."""

    def __init__(self, detail: str = "", *, retry_after_s: int = 10) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


class SeveralInvalid(Invalid):
    """Some values are not acceptable."""

    def __init__(self, errors: Sequence[FieldError], detail: str = "") -> None:
        self.errors = tuple(errors)
        super().__init__(detail)


STATUS: Final[Mapping[type[LauternError], int]] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    VersionMismatch: 412,
    Invalid: 422,
    IdempotencyMismatch: 422,
    RawDataGone: 422,
    VersionNeeded: 428,
    TooManyRequests: 429,
    TooBusy: 503,
    QueryTooSlow: 503,
    StoreUnavailable: 503,
    RegistryUnavailable: 503,
    LauternError: 500,
}
"""The nearest class in an error's line of ancestors decides; kinds' own errors inherit from one of these."""
_WITHOUT_DETAIL: Final = frozenset({404, 503})
"""What is not there and what is not yours must read alike; a database's words are not for callers."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_OUR_WORDS: Final = (TooBusy, QueryTooSlow)
_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": 'Bearer realm="lautern"'},
    503: {"Retry-After": "5"},
}


def install_problem_handlers(app: FastAPI, told: Callable[[Request, LauternError], None]) -> None:
    """Let `app` answer every error as a problem; `told` hears of ours first."""

    async def answer(request: Request, error: Exception) -> Response:
        known = cast("LauternError", error)
        await asyncio.to_thread(told, request, known)
        if isinstance(known, TooManyRequests):
            # Who guesses is held, at no cost to us, so that he takes no more of the processor than others.
            await asyncio.sleep(known.held_s)
        return _lautern(request, known)

    app.add_exception_handler(LauternError, answer)
    app.add_exception_handler(RequestValidationError, _request_invalid)
    app.add_exception_handler(HTTPException, _http)


def invalid_body(error: ValidationError, prefix: str = "") -> SeveralInvalid:
    """Name each field of a failed validation, each under `prefix` (such as `arguments`)."""
    lead = (prefix,) if prefix else ()
    return SeveralInvalid([_field_error((*lead, *e["loc"]), e["msg"]) for e in error.errors(include_url=False)])


def unexpected_problem(request: Request) -> Response:
    """Answer for an error nobody foresaw: 500 without details."""
    return _answer(request, 500, "internal_error", "Something went wrong here; it is logged under the request id.")


def too_large(request: Request, limit: int) -> Response:
    """Answer for a body over the limit in bytes."""
    return _answer(request, 413, "content_too_large", "The body is too large.", f"at most {limit} bytes")


def too_many(request: Request, wait_s: int) -> Response:
    """Answer for an address that asks too often."""
    return _lautern(request, TooManyRequests("from your address", retry_after_s=wait_s))


def _lautern(request: Request, known: LauternError) -> Response:
    nearest = next(c for c in type(known).__mro__ if c in STATUS)
    status = STATUS[nearest]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.warning("request_failed", error=str(known), request_id=request_id(request), route=route_of(request.scope))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected_problem(request)
    detail = "" if status in _WITHOUT_DETAIL and not isinstance(known, _OUR_WORDS) else known.detail
    errors: Sequence[FieldError] = ()
    if isinstance(known, SeveralInvalid):
        errors = known.errors
    elif known.field:
        errors = [FieldError(field=known.field, message=known.detail or known.title)]
    answer = _answer(request, status, _slug(known), known.title, detail, errors=errors)
    if isinstance(known, TooManyRequests | TooBusy):
        answer.headers["Retry-After"] = str(known.retry_after_s)
    return answer


def _request_invalid(request: Request, error: Exception) -> Response:
    found = cast("RequestValidationError", error).errors()
    errors = [_field_error(_place(e), e["msg"]) for e in found]
    return _answer(request, 422, "invalid", Invalid.__doc__ or "", errors=errors)


def _place(error: Mapping[str, Any]) -> Sequence[Any]:
    """Where in the request: fields of the body by their own names; broken JSON is about the body as a whole."""
    loc: Sequence[Any] = error["loc"]
    if error["type"] == "json_invalid":
        return ("body",)
    return loc[1:] if loc[0] == "body" else loc


def _http(request: Request, error: Exception) -> Response:
    known = cast("HTTPException", error)
    title = HTTPStatus(known.status_code).phrase
    detail = "" if known.detail == title else str(known.detail)
    answer = _answer(request, known.status_code, title.lower().replace(" ", "_").replace("'", ""), title, detail)
    for name, value in (known.headers or {}).items():
        answer.headers[name] = value
    if known.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = _allowed(request, answer.headers.get("Allow", ""))
    return answer


def _allowed(request: Request, own: str) -> str:
    """All methods of a path; each is a route of its own, and the one that refused knows its own only."""
    path = getattr(request.scope.get("route"), "path", "")
    described = request.app.openapi()["paths"]
    methods = described.get(f"/api/v1{path}") or described.get(path) or own.lower().split(", ")
    given = [method for method in _METHODS if method.lower() in methods]
    return ", ".join(["HEAD", *given] if "GET" in given else given)


def _answer(
    request: Request, status: int, slug: str, title: str, detail: str = "", *, errors: Sequence[FieldError] = ()
) -> JSONResponse:
    body = Problem(
        type=f"urn:lautern:problem:{slug}",
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=request_id(request),
        errors=list(errors),
    )
    return JSONResponse(body.model_dump(), status, dict(_HEADERS.get(status, {})), MEDIA_TYPE)


def request_id(request: Request) -> str:
    """Id given to this request by the outermost middleware."""
    return str(getattr(request.state, "request_id", ""))


def _field_error(loc: Sequence[Any], message: str) -> FieldError:
    return FieldError(field=".".join(map(str, loc)) or "body", message=message)


def _slug(error: LauternError) -> str:
    name = Invalid.__name__ if isinstance(error, SeveralInvalid) else type(error).__name__
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def route_of(scope: Scope) -> str:
    """The route's pattern for a log: no ids, and not a word of which restricted kind was asked what."""
    path = str(getattr(scope.get("route"), "path", "-"))
    return "restricted" if path in scope["app"].state.restricted_routes else path


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems a route may answer with, for its documentation."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": HTTPStatus(s).phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for s in statuses}
