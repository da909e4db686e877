"""Writes docs/reference/asyncapi.yaml and the tables in docs/reference/names/.

python -m runtime.describing [ROOT OF A CHECKOUT]
"""

import sys
from pathlib import Path
from typing import Final

from devices.catalog import discover
from runtime.describing import asyncapi, names, recorded

ASYNCAPI: Final = Path("docs/reference/asyncapi.yaml")
NAMES: Final = Path("docs/reference/names")
PAYLOADS: Final = Path("tests/payloads")


def main(root: Path) -> None:
    """Write both below the root of a checkout."""
    catalog = discover()
    document = asyncapi.describe(catalog.values(), recorded.read(root / PAYLOADS))
    (root / NAMES).mkdir(parents=True, exist_ok=True)
    (root / ASYNCAPI).write_text(asyncapi.text(document), encoding="utf-8")
    for kind in catalog.values():
        if not kind.internal:
            path = names.page_path(root / NAMES, kind)
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            path.write_text(names.page(kind, before), encoding="utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]))
