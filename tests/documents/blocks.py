"""Code blocks of a guide, by the name that follows their language: ```sh dim."""

import re
from pathlib import Path

_FENCE = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY = re.compile(r"^```\S", re.MULTILINE)


def blocks(guide: Path) -> dict[str, str]:
    """Text by language and name, `sh dim`, in order; a block without a name, or the same name twice, is an error."""
    text = guide.read_text()
    found = [(f"{language} {name}", body) for language, name, body in _FENCE.findall(text)]
    assert len(found) == len(_ANY.findall(text)), "a block has no name"
    assert len(found) == len(dict(found)), "two blocks have one name"
    return dict(found)
