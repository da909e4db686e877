"""Errors as RFC 9457 problems: the one table from error to HTTP status."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, JsonValue
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from application.telemetry.query_budget import QueryTooSlow
from devices.errors import (
    CodedError,
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
from devices.wording.catalogue import NOTHING_SAID, CodedText, Language, find_language, find_text, problem_key
from devices.wording.validation import FieldProblem, SeveralInvalid, validation_problem

MEDIA_TYPE: Final = "application/problem+json"
_LOG = structlog.get_logger()


class FieldError(BaseModel):
    """What is wrong with one field; dots lead into the body, `query.` and `header.` beside it.

    `code` and `params` say the same to programs; codes are listed in docs/reference/codes.md, and more will come.
    """

    field: str
    code: str
    params: dict[str, JsonValue] = {}
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details; `title`, `detail` and messages in the language of Accept-Language, else English.

    `type` names the sort of error, `code` exactly what is wrong, with `params`. Codes are listed in
    docs/reference/codes.md; more will come, and a client treats one that it does not know by `type` and `status`.
    """

    type: str
    code: str
    params: dict[str, JsonValue] = {}
    title: str
    status: int
    detail: str = ""
    instance: str
    request_id: str
    errors: list[FieldError] = []


class VersionNeeded(LauternError):
    """Send If-Match with the ETag you read, so that nobody's change is overwritten."""


class TooManyRequests(CodedError):
    """Too many requests; try again later."""

    def __init__(self, reason: str = "", *, retry_after_s: int = 60, held_s: float = 0, **params: object) -> None:
        self.retry_after_s = retry_after_s
        self.held_s = held_s
        """Seconds until the answer is given."""
        super().__init__(reason, field=None, **params)


class TooBusy(CodedError):
    """The server is busy with other requests; try again later."""

    def __init__(self, reason: str = "", *, retry_after_s: int = 10, **params: object) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason, field=None, **params)


class UnsupportedMediaType(CodedError):
    """This sort of content is not taken here."""


class BodyTooLarge(HTTPException):
    """A body is longer than it may be; found out while it comes in."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


STATUS: Final[Mapping[type[LauternError], int]] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    UnsupportedMediaType: 415,
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


def field_error(problem: FieldProblem, language: Language) -> FieldError:
    """One field that is wrong, as it is answered."""
    reason = problem.reason
    return FieldError(
        field=problem.field, code=reason.code, params=plain_params(reason), message=problem.text(language)
    )


def plain_params(text: CodedText) -> dict[str, JsonValue]:
    """Parameters as JSON has them; texts within one as objects of code and params."""
    return {name: _plain(value) for name, value in text.params.items()}


def _plain(value: object) -> JsonValue:
    if isinstance(value, CodedText):
        return {"code": value.code, "params": plain_params(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool) else str(value)


def unexpected_problem(request: Request) -> Response:
    """Answer for an error nobody foresaw: 500 without details."""
    return _answer(request, 500, "internal_error")


def too_large(request: Request, limit: int) -> Response:
    """Answer for a body over the limit in bytes."""
    return _answer(request, 413, "content_too_large", reason=CodedText("at_most_bytes", {"most": limit}))


def too_many(request: Request, wait_s: int) -> Response:
    """Answer for an address that asks too often."""
    return _lautern(request, TooManyRequests("from_your_address", retry_after_s=wait_s))


def language_of(request: Request) -> Language:
    """Language of an answer: the first of ours in Accept-Language, else English, for programs."""
    return find_language(request.headers.get("accept-language", "")) or "en"


def _lautern(request: Request, known: LauternError) -> Response:
    status = next(STATUS[c] for c in type(known).__mro__ if c in STATUS)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.warning("request_failed", error=str(known), request_id=request_id(request), route=route_of(request.scope))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected_problem(request)
    language = language_of(request)
    hidden = status in _WITHOUT_DETAIL and not isinstance(known, _OUR_WORDS)
    reason = known.reason if isinstance(known, CodedError) and not hidden else NOTHING_SAID
    errors: Sequence[FieldError] = ()
    if isinstance(known, SeveralInvalid):
        errors = [field_error(error, language) for error in known.errors]
    elif known.field:
        word = known.detail_in(language) or known.title_in(language)
        errors = [FieldError(field=known.field, code=known.code, params=plain_params(reason), message=word)]
    answer = _answer(
        request,
        status,
        known.problem_type(),
        code=known.class_code() if hidden else known.code,
        title=known.title_in(language),
        reason=reason,
        errors=errors,
    )
    if isinstance(known, TooManyRequests | TooBusy):
        answer.headers["Retry-After"] = str(known.retry_after_s)
    return answer


def _request_invalid(request: Request, error: Exception) -> Response:
    found = cast("RequestValidationError", error).errors()
    language = language_of(request)
    errors = [field_error(validation_problem(e, _place(e)), language) for e in found]
    return _answer(request, 422, Invalid.problem_type(), errors=errors)


def _place(error: Mapping[str, Any]) -> Sequence[Any]:
    """Where in the request: fields of the body by their own names; broken JSON is about the body as a whole."""
    loc: Sequence[Any] = error["loc"]
    if error["type"] == "json_invalid":
        return ("body",)
    return loc[1:] if loc[0] == "body" else loc


def _http(request: Request, error: Exception) -> Response:
    known = cast("HTTPException", error)
    if isinstance(known, BodyTooLarge):
        return too_large(request, known.limit)
    title = HTTPStatus(known.status_code).phrase
    slug = title.lower().replace(" ", "_").replace("'", "")
    own = find_text(language_of(request), problem_key(slug)) if language_of(request) != "en" else None
    detail = "" if known.detail == title else str(known.detail)
    answer = _answer(request, known.status_code, slug, title=own or title, detail=detail)
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
    request: Request,
    status: int,
    slug: str,
    *,
    code: str = "",
    title: str = "",
    detail: str = "",
    reason: CodedText = NOTHING_SAID,
    errors: Sequence[FieldError] = (),
) -> JSONResponse:
    language = language_of(request)
    body = Problem(
        type=f"urn:lautern:problem:{slug}",
        code=code or reason.code or slug,
        params=plain_params(reason),
        title=title or find_text(language, problem_key(slug)) or slug,
        status=status,
        detail=reason.text(language) if reason.code else detail,
        instance=request.url.path,
        request_id=request_id(request),
        errors=list(errors),
    )
    answer = JSONResponse(body.model_dump(), status, dict(_HEADERS.get(status, {})), MEDIA_TYPE)
    answer.headers["Content-Language"] = language
    answer.headers.append("Vary", "Accept-Language")
    return answer


def request_id(request: Request) -> str:
    """Id given to this request by the outermost middleware."""
    return str(getattr(request.state, "request_id", ""))


def route_of(scope: Scope) -> str:
    """The route's pattern for a log: no ids, and not a word of which restricted kind was asked what."""
    path = str(getattr(scope.get("route"), "path", "-"))
    return "restricted" if path in scope["app"].state.restricted_routes else path


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems a route may answer with, for its documentation."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": HTTPStatus(s).phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for s in statuses}
