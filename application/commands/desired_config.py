"""Set the desired configuration of an asset; the gateway publishes it retained."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.inventory import Asset
from application.ports.registry import RegistryTransaction
from devices.errors import Conflict
from devices.kind import DeviceKind
from devices.wording.validation import invalid_body


def set_desired_config(
    tx: RegistryTransaction,
    catalog: Mapping[str, DeviceKind],
    *,
    asset: Asset,
    body: Mapping[str, Any],
    expected_version: int,
    now_us: int,
) -> DesiredConfig:
    """Replace the desired configuration; expected 0 where there is none yet.

    Raises SeveralInvalid, Conflict, VersionMismatch.
    """
    try:
        checked = catalog[asset.kind].config.model_validate(dict(body)).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        raise invalid_body(error) from error
    if asset.retired_us is not None:
        raise Conflict("is_retired", device=asset.asset_id)
    wanted = DesiredConfig(asset.asset_id, asset.tenant_id, asset.kind, expected_version + 1, checked, now_us)
    return tx.get(DesiredConfigs).put(wanted, expected_version)
