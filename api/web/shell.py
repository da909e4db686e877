"""What all pages share: their words, files and frame; built once at start."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, select_autoescape

from api.web import files, translations
from api.web.page import PAGES, WebPage
from devices.kind_catalog import sub_packages
from devices.wording.catalogue import Language, require_text

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SPRITE: Final = "icons.svg"
_OURS: Final = re.compile(r'\b(href|src|action)="/(?!/)')
_INNER: Final = re.compile(rb"<svg[^>]*>(.*)</svg>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Settings of the pages. Without a tile server nothing is asked of anybody else."""

    tile_url: str = ""
    tile_attribution: str = ""
    root: str = ""
    """Path below which a proxy has us, such as `/lautern`."""


@dataclass(frozen=True, slots=True)
class KindPages:
    """The folder `web/` of one kind."""

    kind: str
    folder: Path
    pages: tuple[WebPage, ...]


def of_kinds(package: ModuleType) -> list[KindPages]:
    """Pages of the kinds in `api.kinds` that have a package `web` with `PAGES`."""
    found = []
    for kind in sub_packages(package):
        for web in sub_packages(kind):
            if web.__name__ == f"{kind.__name__}.web":
                name = kind.__name__.rpartition(".")[2]
                found.append(KindPages(name, Path(web.__file__ or "").parent, tuple(web.PAGES)))
    return found


class PageShell:
    """Renders pages."""

    def __init__(self, kinds: Sequence[KindPages], options: WebOptions) -> None:
        self.options = options
        self.pages = {page.path: (page, "") for page in PAGES}
        self.pages |= {page.path: (page, f"kinds/{k.kind}/") for k in kinds for page in k.pages}
        self.files = files.WebFiles(self._browser_files(kinds))
        self._nav = sorted((p for p, _ in self.pages.values() if p.nav is not None), key=_place)
        self._kind_of = {page.name: k.kind for k in kinds for page in k.pages}
        self._kinds = [k.kind for k in kinds]
        loaders = {"kinds": PrefixLoader({k.kind: FileSystemLoader(k.folder) for k in kinds})}
        self._jinja = Environment(
            loader=ChoiceLoader([FileSystemLoader(_TEMPLATES), PrefixLoader(loaders)]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.globals.update(static=self.files.address, nav=self._nav, kind_of=self._kind_of)

    def render(self, path: str, language: Language, theme: str) -> str:
        """HTML of the page with this path; `theme` is light, dark or empty."""
        page, below = self.pages[path]
        module = below + page.module
        template = page.template if page.template in self._shared() else below + page.template
        html = self._jinja.get_template(template).render(
            page=page,
            lang=language,
            theme=theme,
            t=partial(require_text, language),
            module=module,
            preload=self.files.loads(module)[1:],
            facts=self._facts(page),
        )
        return below_root(html, self.options.root)

    def _shared(self) -> frozenset[str]:
        return frozenset(path.name for path in _TEMPLATES.iterdir())

    def _facts(self, page: WebPage) -> Mapping[str, Any]:
        return {
            "page": page.name,
            "open": page.is_open,
            "kind": self._kind_of.get(page.name),
            "kinds": self._kinds,
            "scope": page.scope,
            "digest": self.files.digest,
            "root": self.options.root,
            "tiles": {"url": self.options.tile_url, "attribution": self.options.tile_attribution},
            "panels": {kind: path for kind in self._kinds if self.files.has(path := f"kinds/{kind}/device.js")},
        }

    def _browser_files(self, kinds: Sequence[KindPages]) -> Mapping[str, bytes]:
        found = dict(files.read_web_files(files.STATIC))
        for kind in kinds:
            found |= files.read_web_files(kind.folder, f"kinds/{kind.kind}")
        symbols = [b'<symbol id="kind-%s" viewBox="0 0 16 16">%s</symbol>' % _icon(found, k.kind) for k in kinds]
        found[_SPRITE] = found[_SPRITE].replace(b"</svg>", b"".join(symbols) + b"</svg>")
        found.update(translations.browser_words(self._page_sources(found), [k.kind for k in kinds]))
        return found

    def _page_sources(self, found: Mapping[str, bytes]) -> Mapping[str, Sequence[str]]:
        """By page, the text of each module that it may load; the page of one device loads kinds' panels later."""
        modules = files.WebFiles(found)
        panels = [name for name in found if name.endswith("/device.js") and name.startswith("kinds/")]
        sources = {}
        for page, below in self.pages.values():
            first = [below + page.module, *(panels if page.name == "device" else ())]
            loaded = dict.fromkeys(path for module in first for path in modules.loads(module))
            sources[page.name] = [found[path].decode() for path in loaded]
        return sources


def below_root(html: str, root: str) -> str:
    """HTML whose links, forms and files lead below the root."""
    return _OURS.sub(rf'\1="{root}/', html) if root else html


def _place(page: WebPage) -> int:
    return page.nav or 0


def _icon(found: Mapping[str, bytes], kind: str) -> tuple[bytes, bytes]:
    inner = _INNER.search(found[f"kinds/{kind}/icon.svg"])
    return kind.encode(), inner[1] if inner else b""
