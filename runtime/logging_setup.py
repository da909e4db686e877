"""Logs of all parts, ours and the libraries', go one way: to standard error, as JSON or for people, without secrets."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

from runtime.log_limit import LogLimit
from runtime.settings_models import LogSettings

HIDDEN: Final = "***"
_SECRET_KEY: Final = re.compile(r"password|passwd|secret|token|authorization|api_?key|credential", re.IGNORECASE)
_IN_URL: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@]*@", re.IGNORECASE)
_BEARER: Final = re.compile(r"\b(?P<word>bearer|token)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_QUIET: Final = {"uvicorn.access": "warning", "apscheduler": "error", "alembic": "warning", "asyncio": "warning"}


def set_up(log: LogSettings, stream: TextIO = sys.stderr) -> None:
    """Route structlog and the standard library's logging; once per process, before anything logs."""
    role = Path(sys.argv[0]).stem.removesuffix("_role")
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(role),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(log.level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(LogLimit())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(log.format, people=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log.level.upper())
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level.upper())


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what is named like a secret, and credentials inside texts, at any depth."""
    return {key: HIDDEN if _SECRET_KEY.search(str(key)) else _cleaned(value) for key, value in event.items()}


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return _BEARER.sub(rf"\g<word> {HIDDEN}", _IN_URL.sub(rf"\g<scheme>{HIDDEN}@", value))
    if isinstance(value, Mapping):
        return {k: HIDDEN if _SECRET_KEY.search(str(k)) else _cleaned(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_cleaned(item) for item in value]
    return value


def _named(role: str) -> Processor:
    def name(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("role", role)
        return event

    return name


def _rendering(wanted: str, *, people: bool) -> list[Processor]:
    if wanted == "console" or (wanted == "auto" and people):
        plain = structlog.dev.plain_traceback
        return [hide_secrets, structlog.dev.ConsoleRenderer(colors=people, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, hide_secrets, structlog.processors.JSONRenderer(default=str)]
