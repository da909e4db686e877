"""Logs never show what is secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from runtime.logging_setup import hide_secrets, set_up
from runtime.settings_models import LogSettings


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("name", ["password", "broker_password", "token", "Authorization", "api_key", "client_secret"])
def test_what_is_named_like_a_secret_is_blanked(name: str) -> None:
    assert hide_secrets(None, "", {name: "tr0ub4dor", "deep": {name: "tr0ub4dor"}}) == {
        name: "***",
        "deep": {name: "***"},
    }


@pytest.mark.parametrize(
    "text",
    ["mqtt://me:tr0ub4dor@host:1883 refused", "header Authorization: Bearer tr0ub4dor-tr0ub4dor", ["Token tr0ub4dor="]],
)
def test_secrets_inside_texts_are_blanked(text: object) -> None:
    assert "tr0ub4dor" not in str(hide_secrets(None, "", {"event": text}))


def test_ours_and_the_libraries_logs_come_as_json_without_secrets(out: io.StringIO) -> None:
    set_up(LogSettings(format="json"), out)
    structlog.get_logger().info("started", password="tr0ub4dor", port=8000)
    logging.getLogger("uvicorn.error").warning("postgresql://u:%s@host", "tr0ub4dor")
    ours, theirs = map(json.loads, out.getvalue().splitlines())
    assert (ours["event"], ours["port"], ours["password"]) == ("started", 8000, "***")
    assert theirs["event"] == "postgresql://***@host"
    assert theirs["level"] == "warning"


def test_a_traceback_is_searched_for_secrets_too(out: io.StringIO) -> None:
    set_up(LogSettings(format="json"), out)
    try:
        raise ValueError("cannot reach mqtt://me:tr0ub4dor@host")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "tr0ub4dor" not in out.getvalue()
    assert "Traceback" in json.loads(out.getvalue())["exception"]


def test_the_level_holds(out: io.StringIO) -> None:
    set_up(LogSettings(format="json", level="warning"), out)
    structlog.get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    assert out.getvalue() == ""
