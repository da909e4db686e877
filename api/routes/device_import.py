"""Registering a fleet from CSV."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from api import device_import
from api.problems import UnsupportedMediaType, language_of, problem_responses
from api.routes.devices import Writer
from api.services import Services, Use
from application.access.actor import Actor
from application.audit.audit_trail import record_assets
from application.inventory.asset_registrar import AssetRegistrar
from devices.wording.catalogue import Language

PATH: Final = "/api/v1/devices/import"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Columns kind, name and as needed id, tenant_id, device_id, lat, lon, via, attribute.…",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
router = APIRouter(prefix="/devices", tags=["devices"])


class ImportResult(BaseModel):
    """What was registered, or would be."""

    dry_run: bool
    lines: int
    registered: int
    errors: list[device_import.LineError]
    """Only in a dry run: else a line's error refuses all with 422."""


@router.post("/import", openapi_extra=_BODY, responses=problem_responses(409, 413, 415))
async def import_devices(
    who: Writer,
    services: Use,
    request: Request,
    *,
    dry_run: Annotated[bool, Query(description="Only check.")] = False,
) -> ImportResult:
    """Register the devices of a CSV file: all of them or, when a line is wrong, none; needs `devices:write`."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "text/csv":
        raise UnsupportedMediaType("send_csv")
    language = language_of(request)
    return await asyncio.to_thread(_import, services, who, await request.body(), language, dry_run=dry_run)


def _import(services: Services, who: Actor, content: bytes, language: Language, *, dry_run: bool) -> ImportResult:
    lines, errors = device_import.read_import(content)
    now_us = services.now_us()
    with services.registry.read() as tx:
        errors += device_import.check_import(tx, AssetRegistrar(tx, who, services.catalog, now_us), lines)
    errors.sort(key=lambda e: e.line)
    if dry_run:
        told = [error.schema(language) for error in errors[:200]]
        return ImportResult(dry_run=True, lines=len(lines), registered=0, errors=told)
    if errors:
        raise device_import.import_error(errors)
    with services.registry.write() as tx:
        assets = device_import.register_import(tx, AssetRegistrar(tx, who, services.catalog, now_us), lines)
        record_assets(tx, who, "device.import", assets)
    return ImportResult(dry_run=False, lines=len(lines), registered=len(assets), errors=[])
