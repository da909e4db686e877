"""Desired configuration: what a device shall be set to, against what it last said it runs."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, JsonValue

from api.authentication import Who, requires_scope
from api.fields import IdInPath, Settings
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from api.time_parameters import TimeOut
from application.access import authorization
from application.access.actor import Actor, scope_of_kind
from application.audit.audit_trail import object_name, record_action
from application.commands.desired_config import set_desired_config
from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.registry import RegistryTransaction
from devices.errors import NotFound

SCOPE = "devices:configure"
Writer = Annotated[Actor, requires_scope(SCOPE, in_part=True, of_kind=True)]
router = APIRouter(prefix="/devices", tags=["devices"])


class ConfigSchema(BaseModel):
    """Desired configuration; version 0 where there is none yet. `in_sync`: the device runs this version."""

    version: int
    config: dict[str, JsonValue]
    changed_at: TimeOut | None
    published_version: int | None
    """Version the broker holds for the device."""
    applied_version: int | None
    """Version the device last said it runs."""
    in_sync: bool


@router.get("/{asset_id}/config", responses=problem_responses(409))
def get_config(asset_id: IdInPath, who: Who, services: Use, response: Response) -> ConfigSchema:
    """Show what the device shall be set to and whether it is; the ETag is what PUT wants as If-Match."""
    with services.registry.read() as tx:
        authorization.held_asset(tx, who, asset_id, services.now_us())
        return _tagged(response, _current(tx, asset_id))


@router.put("/{asset_id}/config", responses=problem_responses(409, 412, 428))
def put_config(  # noqa: PLR0917
    asset_id: IdInPath, who: Writer, services: Use, seen: Expected, body: Settings, response: Response
) -> ConfigSchema:
    """Replace the desired configuration (If-Match `"0"` for the first).

    Needs `devices:configure`, for restricted kinds `{kind}:configure`.
    """
    with services.registry.write() as tx:
        asset = authorization.held_asset(tx, who, asset_id, services.now_us())
        who.require_on(scope_of_kind(SCOPE, asset.kind, who.restricted_kinds), asset_id)
        current = _current(tx, asset_id)
        expected = seen if seen is not None else 0 if current is None else current.version
        wanted = set_desired_config(
            tx, services.catalog, asset=asset, body=body, expected_version=expected, now_us=services.now_us()
        )
        detail = {"version": wanted.version, "config": dict(wanted.body)}
        record_action(
            tx,
            who,
            "device.configure",
            object_name(asset.kind, asset_id),
            detail=detail,
            tenant_id=who.tenant_id or asset.tenant_id,
        )
        return _tagged(response, wanted)


def _current(tx: RegistryTransaction, asset_id: str) -> DesiredConfig | None:
    try:
        return tx.get(DesiredConfigs).get(asset_id)
    except NotFound:
        return None


def _tagged(response: Response, config: DesiredConfig | None) -> ConfigSchema:
    if config is None:
        response.headers["ETag"] = etag(0)
        return ConfigSchema(
            version=0, config={}, changed_at=None, published_version=None, applied_version=None, in_sync=True
        )
    response.headers["ETag"] = etag(config.version)
    return ConfigSchema(
        version=config.version,
        config=dict(config.body),
        changed_at=config.changed_us,
        published_version=config.published_version,
        applied_version=config.applied_version,
        in_sync=config.applied_version == config.version,
    )
