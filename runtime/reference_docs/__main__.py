"""Writes docs/reference/asyncapi.yaml and the tables in docs/reference/names/.

python -m runtime.reference_docs [ROOT OF A CHECKOUT]
"""

import sys
from pathlib import Path
from typing import Final

from devices.catalog import discover_kinds
from runtime.reference_docs import asyncapi, names, recorded_messages

ASYNCAPI: Final = Path("docs/reference/asyncapi.yaml")
NAMES: Final = Path("docs/reference/names")
PAYLOADS: Final = Path("tests/payloads")


def main(root: Path) -> None:
    """Write both below the root of a checkout."""
    catalog = discover_kinds()
    document = asyncapi.describe_protocol(catalog.values(), recorded_messages.read_recorded(root / PAYLOADS))
    (root / NAMES).mkdir(parents=True, exist_ok=True)
    (root / ASYNCAPI).write_text(asyncapi.asyncapi_text(document), encoding="utf-8")
    for kind in catalog.values():
        if not kind.internal:
            path = names.page_path(root / NAMES, kind)
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            path.write_text(names.names_page(kind, before), encoding="utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]))
