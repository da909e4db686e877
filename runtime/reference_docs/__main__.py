"""Writes docs/reference/openapi.json, asyncapi.yaml, codes.md and the tables in names/.

python -m runtime.reference_docs [ROOT OF A CHECKOUT]
"""

import sys
from pathlib import Path
from typing import Final

from devices.kind_catalog import discover_kinds
from runtime.reference_docs import asyncapi, codes, names, openapi, recorded_messages

OPENAPI: Final = Path("docs/reference/openapi.json")
ASYNCAPI: Final = Path("docs/reference/asyncapi.yaml")
CODES: Final = Path("docs/reference/codes.md")
NAMES: Final = Path("docs/reference/names")
PAYLOADS: Final = Path("tests/payloads")


def main(root: Path) -> None:
    """Write all below the root of a checkout."""
    catalog = discover_kinds()
    document = asyncapi.describe_protocol(catalog.values(), recorded_messages.read_recorded(root / PAYLOADS))
    (root / NAMES).mkdir(parents=True, exist_ok=True)
    (root / OPENAPI).write_text(openapi.openapi_text(openapi.describe_api()), encoding="utf-8")
    (root / ASYNCAPI).write_text(asyncapi.asyncapi_text(document), encoding="utf-8")
    (root / CODES).write_text(codes.codes_page(), encoding="utf-8")
    for kind in catalog.values():
        if not kind.internal:
            path = names.page_path(root / NAMES, kind)
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            path.write_text(names.names_page(kind, before), encoding="utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]))
