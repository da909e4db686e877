"""Asks an InfluxDB 2 whether it is one, whether the token is good and what it may."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from devices.errors import (
    ConfigurationError,
    StoreForbidden,
    StorePlaceMissing,
    StoreTokenRefused,
    StoreUnavailable,
)

_PATIENCE_S: Final = 5


def check_influxdb(url: str, org: str, token: str, bucket_prefix: str) -> list[str]:
    """Names of our buckets that are there, and may be written. Raises StoreUnavailable, ConfigurationError."""
    ask_influxdb(f"{url}/ping", token)
    orgs = ask_influxdb(f"{url}/api/v2/orgs?org={quote(org)}", token).get("orgs") or []
    if not orgs:
        raise StorePlaceMissing(f"({org}, or the token may not read it)")
    found = ask_influxdb(f"{url}/api/v2/buckets?limit=100&orgID={orgs[0]['id']}", token)
    names = [bucket["name"] for bucket in found.get("buckets") or []]
    ours = sorted(name for name in names if name.startswith(bucket_prefix))
    for name in ours:
        # Writes nothing: a comment is judged for token, organisation and bucket all the same.
        ask_influxdb(f"{url}/api/v2/write?org={quote(org)}&bucket={quote(name)}&precision=us", token, b"# ping")
    return ours


def ask_influxdb(address: str, token: str, body: bytes | Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One answer of InfluxDB, to a GET or, with a body, a POST. Raises StoreUnavailable, ConfigurationError."""
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError("store.url must begin with http:// or https://")
    sent = json.dumps(body).encode() if isinstance(body, Mapping) else body
    request = urllib.request.Request(address, sent, headers={"Authorization": f"Token {token}"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as problem:
        raise _refused(problem) from None
    except (OSError, ValueError) as problem:
        raise StoreUnavailable(f"({address}: {problem})") from None
    try:
        found: dict[str, Any] = json.loads(text or b"{}")
    except ValueError:
        raise ConfigurationError(f"{address} answers, but is no InfluxDB 2") from None
    return found


def _refused(problem: urllib.error.HTTPError) -> StoreUnavailable:
    if b"token is inactive" in problem.read():
        return StoreTokenRefused("(it is inactive)")
    kinds: dict[int, type[StoreUnavailable]] = {401: StoreTokenRefused, 403: StoreForbidden, 404: StorePlaceMissing}
    return kinds.get(problem.code, StoreUnavailable)(f"(InfluxDB answers {problem.code})")
