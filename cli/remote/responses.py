"""What the API answers, and what went wrong in words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from runtime.exit_codes import NOT_ALLOWED, UNREACHABLE, USAGE, ProgramError


class Refused(ProgramError):
    """The API refuses."""

    def __str__(self) -> str:
        return self.detail or self.title


class Unfit(Refused):
    """The request does not fit."""

    exit_code = USAGE


class PermissionRefused(Refused):
    """You may not do that."""

    exit_code = NOT_ALLOWED


class NotSignedIn(Refused):
    """Nobody is signed in here."""

    exit_code = NOT_ALLOWED


class ApiAway(ProgramError):
    """The API cannot be reached."""

    exit_code = UNREACHABLE


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """One answer; `headers` by lower-case name."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> Any:  # noqa: ANN401 - what the API says
        """The JSON value of the body; None without one. Raises ApiAway for what no API of ours would say."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise ApiAway("what answers there is not Lautern") from None


def raise_refusal(answer: ApiResponse) -> NoReturn:
    """Raise what a refusal means, as one sentence that names the field."""
    try:
        problem = json.loads(answer.body)
        told = _sentence(problem)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise ApiAway(f"what answers there is not Lautern (HTTP {answer.status})") from None
    if answer.status == 401:
        raise NotSignedIn(f"{told} Sign in with: lautern login URL")
    if answer.status >= 500:
        raise ApiAway(told)
    if answer.status == 429:
        raise Refused(f"{told} Wait {answer.headers.get('retry-after', 'some')} seconds.")
    raise {400: Unfit, 403: PermissionRefused, 422: Unfit}.get(answer.status, Refused)(told)


def _sentence(problem: Mapping[str, Any]) -> str:
    errors = "; ".join(f"{e['field']}: {e['message']}" for e in problem.get("errors") or ())
    more = errors or problem.get("detail") or ""
    return f"{problem['title'].rstrip('.')}{': ' if more else ''}{more.rstrip('.')}."
