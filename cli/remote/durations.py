"""Durations as people type them."""

import re
from typing import Final

from cli.remote.responses import Unfit

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_FORM: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def parse_duration_s(text: str, option: str) -> float:
    """Seconds of `90s`, `5m`, `1h`, `2d`, `1w`. Raises Unfit that names the option."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Unfit(f"{option}: {text!r} is no duration such as 90s, 5m, 1h, 2d")
    return float(found[1]) * _SECONDS[found[2]]
