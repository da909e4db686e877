"""How long data are kept: settings within what kinds and classes allow."""

from collections.abc import Mapping

import pytest

from devices.errors import ConfigurationError
from runtime.retention_periods import catalog_of, days_of
from runtime.settings import Settings
from runtime.settings_models import RetentionSettings


def settings(**retention: Mapping[str, int] | int) -> Settings:
    return Settings(retention=RetentionSettings.model_validate(retention))


def test_what_is_not_named_is_kept_as_declared() -> None:
    chosen = settings()
    catalog = catalog_of(chosen)
    assert catalog["event_network"].limits.raw_retention_days == 40
    assert days_of(chosen, catalog)["flights"] == 3660


def test_settings_go_before_what_kinds_declare() -> None:
    chosen = settings(raw_days={"streetlight": 30}, rollup_days={"streetlight": 60}, days={"commands": 40})
    catalog = catalog_of(chosen)
    assert catalog["streetlight"].limits.raw_retention_days == 30
    assert catalog["streetlight"].limits.rollup_retention_days == 60
    assert days_of(chosen, catalog)["commands"] == 40


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        ({"days": {"flights": 3}}, "retention.days.flights: must be 400 to 7320"),
        ({"days": {"flight": 3}}, "retention.days.flight: is none of alarms"),
        ({"raw_days": {"lamp": 3}}, "retention.raw_days.lamp: is none of"),
        ({"rollup_days": {"streetlight": 3}}, "retention.rollup_days.streetlight: must not be less"),
    ],
)
def test_what_does_not_fit_is_named(retention: Mapping[str, Mapping[str, int]], said: str) -> None:
    chosen = settings(**retention)
    with pytest.raises(ConfigurationError, match=said):
        days_of(chosen, catalog_of(chosen))
