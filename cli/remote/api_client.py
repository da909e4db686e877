"""The way to an API: over the network with what `lautern login` kept, or into the data directory on this machine."""

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

from cli.remote import credential_store
from cli.remote.credential_store import StoredLogin
from cli.remote.responses import ApiAway, ApiResponse, NotSignedIn, raise_refusal
from devices.errors import ConfigurationError

COOKIE: Final = "lautern_session"
TIMEOUT_S: Final = 45
"""More than the API lets anybody wait."""
_PAGE: Final = 500


class ApiTransport(Protocol):
    """Carries requests to an API."""

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> ApiResponse:
        """The answer, whatever its status. Raises ApiAway."""


class ApiClient:
    """Speaks to the API; paths are given without `/api/v1`. What is refused is raised, see `answers.explain`."""

    def __init__(self, transport: ApiTransport) -> None:
        self._transport = transport

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ApiResponse:
        """The answer of a request that went well; `query` values that are None or False are left out."""
        asked = urlencode({k: _text(v) for k, v in (query or {}).items() if v is not None and v is not False})
        given = {"Accept": "application/json", **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            given["Content-Type"] = "application/json"
        answer = self._transport.send(method, f"/api/v1{path}{'?' if asked else ''}{asked}", given, data)
        if answer.status >= 400:
            raise_refusal(answer)
        return answer

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401
        """The value at a path; a trailing `_` of a query's name is left out."""
        return self.call("GET", path, query={k.rstrip("_"): v for k, v in query.items()}).value

    def post(self, path: str, body: object = None, **query: object) -> Any:  # noqa: ANN401
        """The value of the answer."""
        return self.call("POST", path, body, query=query).value

    def change(self, path: str, body: object) -> Any:  # noqa: ANN401
        """Change what people edit, as it is now."""
        seen = self.call("GET", path).headers.get("etag", "")
        return self.call("PATCH", path, body, headers={"If-Match": seen}).value

    def items(self, path: str, most: int, **query: object) -> list[Any]:
        """Items of a list, over as many of its pages as it takes, `most` in all."""
        found: list[Any] = []
        cursor: str | None = None
        while len(found) < most:
            page = self.get(path, limit=min(_PAGE, most - len(found)), cursor=cursor, **query)
            found += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                break
        return found


def quote_path(part: str) -> str:
    """An id as part of a path."""
    return quote(part, safe="")


class NetworkTransport:
    """An API at an address, with a login or without one."""

    def __init__(self, login: StoredLogin) -> None:
        self._login = login
        verified = ssl.create_default_context(cafile=login.ca_file) if login.url.startswith("https:") else None
        handlers = [_StayHere(), *([urllib.request.HTTPSHandler(context=verified)] if verified else [])]
        self._opener = urllib.request.build_opener(*handlers)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> ApiResponse:
        """The answer, whatever its status. Raises ApiAway."""
        given = {**headers, **self._proof(), "User-Agent": "lautern"}
        request = urllib.request.Request(self._login.url + path, body, given, method=method)  # noqa: S310 - checked
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return _answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as problem:
            with problem:
                return _answer(problem.code, problem.read(), problem.headers)
        except (OSError, urllib.error.URLError) as problem:
            reason = getattr(problem, "reason", problem)
            raise ApiAway(f"{self._login.url}: {reason}") from problem

    def _proof(self) -> Mapping[str, str]:
        if self._login.key:
            return {"Authorization": f"Bearer {self._login.key}"}
        if self._login.session:
            return {"Cookie": f"{COOKIE}={self._login.session}", "Origin": self._login.url}
        return {"Origin": self._login.url}


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the login to another place."""

    def redirect_request(self, *_: object) -> None:
        return None


@contextmanager
def open_remote_api() -> Iterator[ApiClient]:
    """The API that this user signed in to. Raises NotSignedIn."""
    login = credential_store.current_login()
    if login is None:
        raise NotSignedIn("Sign in with: lautern login URL. On the machine itself --data-dir DIR needs no login.")
    yield ApiClient(NetworkTransport(login))


def own_ca_file() -> str | None:
    """Certificates to trust instead of the system's. Raises ConfigurationError for a file that is not there."""
    named = os.environ.get(f"{credential_store.ENVIRONMENT}CA_FILE") or None
    if named and not Path(named).is_file():
        raise ConfigurationError(f"there is no {named} ({credential_store.ENVIRONMENT}CA_FILE)")
    return named


def _answer(status: int, body: bytes, headers: Any) -> ApiResponse:  # noqa: ANN401 - email.message.Message
    return ApiResponse(status, body, {name.lower(): value for name, value in headers.items()})


def _text(value: object) -> str:
    return "true" if value is True else str(value)
