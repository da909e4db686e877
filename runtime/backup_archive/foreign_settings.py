"""What an archive's settings name outside the data directory: nobody follows that unless who restores says so."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from pydantic.fields import FieldInfo
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from devices.errors import ConfigurationError
from runtime.backup_archive.manifest import ArchiveRefused
from runtime.settings import FILE_NAME, Settings

Values = Mapping[str, Any]
REGISTRY_URL: Final = "registry.url"
HARMLESS: Final = frozenset(
    {
        "topic_root", "default_tenant", "broker.mode", "broker.username", "broker.password", "store.kind", "store.org",
        "store.token", "store.bucket_prefix", "http.host", "mail.security", "mail.username", "mail.password",
        "mail.sender", "oidc.client_id", "oidc.client_secret", "oidc.label", "web.tile_attribution",
        "privacy.controller", "privacy.contact", "privacy.officer", "log.format", "log.level",
    }
)  # fmt: skip
"""Texts that lead nowhere. Every other text counts as a place, those of settings to come too."""


class ForeignSettings(ConfigurationError):
    """The archive's settings name places that are not the data directory's; nothing was read or sent there."""


@dataclass(frozen=True, slots=True)
class ForeignSetting:
    """A setting that leads elsewhere; `shown` is its value without what may be secret, fit for a terminal."""

    key: str
    shown: str

    @property
    def variable(self) -> str:
        """What gives it again."""
        return f"LAUTERN_{self.key.upper().replace('.', '__')}{'_FILE' if self.key == REGISTRY_URL else ''}"


def parse_archived_settings(text: bytes) -> Values:
    """An archive's settings file as it stands. Raises ArchiveRefused."""
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as problem:
        raise ArchiveRefused(f"its {FILE_NAME}: {problem}") from None


def find_foreign_settings(values: Values, folder: Path) -> list[ForeignSetting]:
    """Settings that name a file outside the folder, another host, or who else may read; defaults are no such."""
    found = dict(_leaves(values))
    listens = found.get("broker.mode", "embedded") == "embedded"
    return [
        ForeignSetting(key, _shown(key, value))
        for key, value in found.items()
        if key not in HARMLESS
        and not (key == "broker.url" and listens)
        and _names_something(value)
        and value != _default(key)
        and not _is_inside(key, value, folder)
    ]


def _leaves(values: Values, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield before + name, value


def _names_something(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_names_something, value))
    return isinstance(value, Mapping) or (isinstance(value, str) and bool(value))


def _field(key: str) -> FieldInfo | None:
    owner: Any = Settings
    field: FieldInfo | None = None
    for name in key.split("."):
        field = getattr(owner, "model_fields", {}).get(name)
        owner = field.annotation if field is not None else None
    return field


def _default(key: str) -> object:
    field = _field(key)
    return None if field is None else field.default


def _is_inside(key: str, value: object, folder: Path) -> bool:
    """Whether it is a path inside the folder, in which there are no links yet; relative ones are meant from here."""
    field = _field(key)
    if key == REGISTRY_URL:
        value = _sqlite_file(str(value))
    elif field is None or Path not in {field.annotation, *get_args(field.annotation)}:
        return False
    if not isinstance(value, str) or not value or "\0" in value or value.startswith("file:"):
        return False
    return Path(normpath(Path.cwd() / value)).is_relative_to(normpath(folder))


def _sqlite_file(url: str) -> str | None:
    """File of a plain SQLite URL; None for all that may mean something else."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return parts.database if parts.drivername == "sqlite" and not parts.query and not parts.host else None


def _shown(key: str, value: object) -> str:
    if key == REGISTRY_URL:
        parts = urlsplit(str(value))
        where = f"{parts.hostname or ''}{parts.path if parts.scheme == 'sqlite' else ''}"
        return json.dumps(f"{parts.scheme}://{where} ...")
    if isinstance(value, str) and "://" in value and "@" in value:
        value = re.sub(r"//[^/@]*@", "//***@", value)
    return json.dumps(value)[:200]


def require_confirmed(found: list[ForeignSetting], given: frozenset[str]) -> None:
    """Raises ForeignSettings that names each setting which was not given again."""
    left = [one for one in found if one.key not in given]
    if left:
        named = "".join(f"\n  {one.key} = {one.shown}   give it again: {one.variable}" for one in left)
        raise ForeignSettings(
            f"{named}\nGive each by the environment, or other settings (--config FILE), or say that they are yours "
            "(--trust-settings)."
        )


def replace_settings(text: str, values: Mapping[str, object]) -> str:
    """The settings file with these keys set anew; one that is None is left out. Raises ForeignSettings."""
    wanted = tomllib.loads(text)
    lines = text.splitlines()
    for key, value in values.items():
        section, name = _section_of(wanted, key)
        at, end = _place_of(lines, key)
        if value is None:
            del section[name]
            lines[at:end] = [f"# {name}: given by the environment at the restore"]
        else:
            section[name] = value
            lines[at:end] = [f"{name} = {json.dumps(value)}  # given at the restore"]
    made = "\n".join(lines)
    if tomllib.loads(made) != wanted:
        raise ForeignSettings(f"{FILE_NAME} is written in a way that is not understood here: give another (--config)")
    return made


def _section_of(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    *sections, name = key.split(".")
    for section in sections:
        values = values[section]
    return values, name


def _place_of(lines: list[str], key: str) -> tuple[int, int]:
    """Lines that a setting takes. Raises ForeignSettings where it is written in another way than one a line."""
    section, _, name = key.rpartition(".")
    current = ""
    for at, line in enumerate(lines):
        if head := re.fullmatch(r"\s*\[\s*([a-z_.]+)\s*\]\s*(#.*)?", line):
            current = head[1]
        elif current == section and re.match(rf"\s*{re.escape(name)}\s*=", line):
            for end in range(at + 1, len(lines) + 1):
                if _is_whole("\n".join(lines[at:end])):
                    return at, end
    raise ForeignSettings(f"{key} is written in a way that is not understood here: give other settings (--config)")


def _is_whole(text: str) -> bool:
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True
