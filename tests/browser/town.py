"""A running demo: who may sign in, which pages there are, and its API to be killed."""

import json
import os
import signal
from typing import Any, Final

import api.kinds
from api.web.page import WebPage
from api.web.shell import PageShell, WebOptions, of_kinds
from tests.real_parts.mail import MailBox
from tests.real_parts.waiting import wait_until
from tests.system.test_start import Demo, process_named

PAGES: Final[tuple[WebPage, ...]] = tuple(
    page for page, _ in PageShell(of_kinds(api.kinds), WebOptions()).pages.values()
)
START_S: Final = 150


class Town:
    """Made once its lamps are live, a flight was flown and an event runs."""

    def __init__(self, demo: Demo, box: MailBox, hook: str) -> None:
        self.demo = demo
        self.box = box
        self.hook = hook
        """Host and port that webhooks may be at."""
        self.address = f"http://127.0.0.1:{demo.port}"
        wait_until(self._lives, timeout_s=START_S, what="a live city")

    def password(self, user: str) -> str:
        """Password of one of the demo's users, such as `demo`, who sees everything."""
        found: dict[str, str] = json.loads((self.demo.folder / "demo-users.json").read_text())
        return found[user]

    def place(self, page: WebPage) -> str:
        """Path of a page; of one thing's page that of the first thing there is."""
        collection = page.path.partition("/{")[0]
        if collection == page.path:
            return page.path
        key = next(k for k in ("operator", "brigade", "organiser") if self._first(collection, k))
        return f"{collection}/{self._first(collection, key)}"

    def kill_api(self) -> None:
        """Kill the API, which the demo starts again."""
        pid = process_named(self.demo.folder, "runtime.api_role")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def _first(self, collection: str, key: str) -> str:
        items: list[dict[str, Any]] = self.demo.get(f"/api/v1{collection}", key).get("items", [])
        return str(items[0]["id"]) if items else ""

    def _lives(self) -> bool:
        assert self.demo.process.poll() is None, self.demo.said()
        newest = self.demo.get("/api/v1/telemetry/latest?kind=streetlight", "operator").get("items", [])
        live = [item for item in newest if item["age_s"] < 60]
        return (
            len(live) == 10 and bool(self._first("/flights", "brigade")) and bool(self._first("/events", "organiser"))
        )
