"""Logins just issued, as the crew takes them along: a file for the workshop, a sheet of QR codes for the ladder."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from api import csv_response
from devices.deferred_module import DeferredModule

if TYPE_CHECKING:
    import segno
else:
    segno = DeferredModule("segno")

COLUMNS: Final = ("id", "name", "user", "password", "client_id", "broker", "root")
MOST_ON_SHEETS: Final = 1000
"""A code takes 12 ms to draw."""
_STYLE: Final = """
@page { size: A4; margin: 10mm }
body { font: 11px/1.35 sans-serif; margin: 0; color: #000; background: #fff }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 4mm }
article { display: flex; gap: 4mm; align-items: center; border: 1px dashed #767676; padding: 2mm; break-inside: avoid }
svg { width: 42mm; height: 42mm; flex: none }
h2 { font-size: 15px; margin: 0 0 2mm; overflow-wrap: anywhere }
p { margin: 0; overflow-wrap: anywhere } code { font-size: 12px }
"""


@dataclass(frozen=True, slots=True)
class DeviceBroker:
    """The broker as devices reach it."""

    url: str = ""
    root: str = "city/v1"
    ca_pem: str | None = None
    """Certificate of the authority that they must trust, where it is not a public one."""


@dataclass(frozen=True, slots=True)
class HandedLogin:
    """What one device needs to connect."""

    asset_id: str
    name: str
    user: str
    password: str

    @property
    def client_id(self) -> str:
        """The client id it uses; others are refused."""
        return self.user.rpartition("/")[2]


def login_rows(handed: Sequence[HandedLogin], mqtt: DeviceBroker) -> Iterator[tuple[str, ...]]:
    """Rows of COLUMNS."""
    for h in handed:
        yield h.asset_id, h.name, h.user, h.password, h.client_id, mqtt.url, mqtt.root


def as_json(handed: Sequence[HandedLogin], mqtt: DeviceBroker) -> list[Mapping[str, str]]:
    """Objects of COLUMNS."""
    return [dict(zip(COLUMNS, row, strict=True)) for row in login_rows(handed, mqtt)]


def qr_text(one: HandedLogin, mqtt: DeviceBroker) -> str:
    """What a QR code says: compact JSON that a commissioning tool reads."""
    said = {"broker": mqtt.url, "user": one.user, "password": one.password, "client_id": one.client_id}
    return json.dumps({"v": 1, **said, "root": mqtt.root}, separators=(",", ":"))


def login_sheet(handed: Sequence[HandedLogin], mqtt: DeviceBroker) -> str:
    """A page to print on A4, twelve devices each; it needs nothing from anywhere."""
    labels = "\n".join(_label(one, mqtt) for one in handed)
    return f"""<!doctype html>
<html lang="de"><head><meta charset="utf-8"><title>Lautern: Zugangsdaten · device logins</title>
<style>{_STYLE}</style></head><body><main>
{labels}
</main></body></html>
"""


def _label(one: HandedLogin, mqtt: DeviceBroker) -> str:
    drawn = segno.make(qr_text(one, mqtt), error="m", micro=False).svg_inline(omitsize=True, border=2)
    return (
        f"<article>{drawn}<div><h2>{escape(one.name)}</h2><p><code>{escape(one.asset_id)}</code></p>"
        f"<p>{escape(mqtt.url)}</p><p><code>{escape(one.user)}</code></p><p><code>{escape(one.password)}</code></p>"
        "</div></article>"
    )


def login_archive(handed: Sequence[HandedLogin], mqtt: DeviceBroker) -> bytes:
    """A ZIP with the CSV file, the sheet and, where there is one of ours, the authority's certificate."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("logins.csv", b"".join(csv_response.csv_chunks(COLUMNS, login_rows(handed, mqtt))))
        packed.writestr("labels.html", login_sheet(handed, mqtt))
        if mqtt.ca_pem:
            packed.writestr("ca.pem", mqtt.ca_pem)
    return buffer.getvalue()
