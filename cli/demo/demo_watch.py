"""Waits until the demo's data are there over the API, as a user would see them."""

import json
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli.demo.demo_part import DemoLine

THERE_ALREADY: Final = 409
PATIENCE_S: Final = 25
JUST_NOW_S: Final = 5


@dataclass(slots=True)
class DemoAudience:
    """A user group of the plan, and how far it is."""

    kind: str
    audience: str
    key: str
    there: str
    shown: Sequence[Mapping[str, str]]
    requests: Sequence[Mapping[str, Any]]
    asked: int = 0
    """Requests done."""
    first: str | None = None
    """Id of the first item, once there is one."""
    ready: bool = False
    """Data are there."""
    live: bool = False
    """History is filled in, devices speak and listen."""

    def lines(self, url: str) -> list[DemoLine]:
        """Copy-paste lines with the key in them."""
        head = f"curl -sS -H {shlex.quote(f'Authorization: Bearer {self.key}')}"
        return [
            DemoLine(
                line["does"],
                f"{head} {line['arguments'].replace('{url}', url).replace('{first}', self.first or '')}",
            )
            for line in self.shown
        ]


class DemoOpening:
    """Its methods are called often, and ask about twice a second."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked_at = 0.0
        self._began = time.monotonic()
        self._told = ""
        self.audiences: Sequence[DemoAudience] | None = None
        """None until the plan is there."""
        self.trouble = "the API does not answer yet"
        self.there = False
        """Every audience's data are there."""
        self.done = False
        """Every audience's devices are live, too."""

    def receives(self) -> bool:
        """True when the gateway's session is at the broker: what is published from now on is not lost."""
        if not self._due():
            return False
        state = _ask(f"{self._url}/readyz").found
        return any(part["part"] == "broker" and part["ok"] for part in state.get("parts", ()))

    def look(self) -> bool:
        """True twice: when every audience's data are there, and when its devices are live."""
        if self.done or self.audiences is None or not self._due():
            return False
        if not self.there:
            self.there = all(audience.ready or self._advance(audience) for audience in self.audiences)
            return self.there
        self.done = all(audience.live or self._speaks(audience) for audience in self.audiences)
        return self.done

    def trouble_is_new(self) -> bool:
        """True when something that people were not told of takes longer than usual."""
        if self.done or self._told == self.trouble or time.monotonic() - self._began < PATIENCE_S:
            return False
        self._told = self.trouble
        return True

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._asked_at < 0.3:
            return False
        self._asked_at = now
        return True

    def _advance(self, audience: DemoAudience) -> bool:
        while audience.asked < len(audience.requests):
            request = audience.requests[audience.asked]
            answer = _ask(self._url + request["path"], audience.key, request["body"])
            if answer.code not in {200, 201, THERE_ALREADY}:
                self.trouble = f"{audience.audience}: {answer.text}"
                return False
            audience.asked += 1
        answer = _ask(self._url + audience.there, audience.key)
        items = answer.found.get("items") or answer.found.get("lines")
        if not items:
            self.trouble = f"{audience.audience}: {audience.there} has nothing yet {answer.text}"
            return False
        audience.first = str(items[0].get("id") or "")
        audience.ready = True
        return True

    def _speaks(self, audience: DemoAudience) -> bool:
        newest = _ask(f"{self._url}/api/v1/telemetry/latest?kind={audience.kind}", audience.key).found.get("items", ())
        audience.live = any(item["age_s"] < JUST_NOW_S for item in newest)
        self.trouble = f"{audience.audience}: the history is being filled in"
        return audience.live


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    found: dict[str, Any]
    text: str = ""


def _ask(address: str, key: str = "", body: object = None) -> _Answer:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        request = urllib.request.Request(address, data, {**headers, "Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own API, by http
            return _Answer(answer.status, json.load(answer))
    except urllib.error.HTTPError as problem:
        text = problem.read()
        try:
            return _Answer(problem.code, json.loads(text), f"({problem.code}: {text.decode()[:400]})")
        except ValueError:
            return _Answer(problem.code, {}, f"({problem.code})")
    except (OSError, ValueError) as problem:
        return _Answer(0, {}, f"({problem})")
