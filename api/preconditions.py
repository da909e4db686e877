"""ETag and If-Match on what people edit: nobody overwrites a change he has not seen."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header

from api.problems import VersionNeeded
from devices.errors import VersionMismatch

_TAG: Final = re.compile(r'(?:W/)?"(\d{1,18})"', re.ASCII)


def etag(version: int) -> str:
    """ETag of a version."""
    return f'"{version}"'


def expected_version(
    if_match: Annotated[
        str | None, Header(max_length=64, description='The ETag you read, such as `"3"`, or `*`.')
    ] = None,
) -> int | None:
    """Version the caller has seen; None for `*`. Raises VersionNeeded, or VersionMismatch for a tag not ours."""
    if if_match is None:
        raise VersionNeeded
    if if_match.strip() == "*":
        return None
    tag = _TAG.fullmatch(if_match.strip())
    if tag is None:
        raise VersionMismatch
    return int(tag[1])


Expected = Annotated[int | None, Depends(expected_version)]
"""Annotate a route's parameter with this: If-Match is then required."""
