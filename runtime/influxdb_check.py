"""Asks an InfluxDB 2 whether it is one, whether the token is good and what it may."""

import json
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import quote

from devices.errors import ConfigurationError, StoreUnavailable

_PATIENCE_S: Final = 5


def check(url: str, org: str, token: str, bucket_prefix: str) -> list[str]:
    """Names of our buckets that are there. Raises StoreUnavailable, ConfigurationError that says what to do."""
    _ask(f"{url}/ping", token)
    orgs = _ask(f"{url}/api/v2/orgs?org={quote(org)}", token).get("orgs") or []
    if not orgs:
        raise ConfigurationError(f"InfluxDB knows no organisation {org!r}, or the token may not read it (store.org)")
    found = _ask(f"{url}/api/v2/buckets?limit=100&orgID={orgs[0]['id']}", token)
    names = [bucket["name"] for bucket in found.get("buckets") or []]
    ours = sorted(name for name in names if name.startswith(bucket_prefix))
    for name in ours:
        # Nothing is written: a comment is judged for the token all the same.
        _ask(f"{url}/api/v2/write?orgID={orgs[0]['id']}&bucket={quote(name)}", token, b"# check")
    return ours


def _ask(address: str, token: str, content: bytes | None = None) -> dict[str, Any]:
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError("store.url must begin with http:// or https://")
    request = urllib.request.Request(address, content, headers={"Authorization": f"Token {token}"})  # noqa: S310 - checked above
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


def _refused(problem: urllib.error.HTTPError) -> Exception:
    if problem.code in {401, 403}:
        return ConfigurationError("InfluxDB refuses the token: it needs to read and write buckets (store.token)")
    if problem.code == 404:
        return ConfigurationError("InfluxDB does not know the organisation (store.org), or this is no InfluxDB 2")
    return StoreUnavailable(f"(InfluxDB answers {problem.code})")
