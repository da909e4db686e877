"""Each route of the description that names a thing: what is hidden reads like what is not there, or like what is taken.

Asked by `tests/faults/test_abuse_access.py`. A new route is in by itself; a new field that carries an id is to be put
into FIELDS, or fails. Nothing is claimed of the time that an answer takes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.contracts.api.conftest import City
from tests.contracts.api.matrix_town import IDS, INSIDE, OF_TOWNS, OTHER_TOWN, OTHERS, OWN, TOWN, Thing, body, path_of
from tests.contracts.api.matrix_town import fill as fill_town
from tests.contracts.api.test_matrix import ENDLESS, METHODS, audit_away

HIDDEN: Final = (*OTHERS, next(thing for thing in OWN if thing.kind == "fire_drone"), OTHER_TOWN)
"""Another town's, and what the caller's town has and the caller does not see."""
ABSENT: Final = "xabsent"
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "device_id": ("d-{}", "u-{}"),
    "device": ("{}", "d-{}"),
    "devices": ("{}",),
    "drone": ("{}",),
    "via": ("{}",),
    "members": ("{}",),
    "group": ("g-{}",),
    "groups": ("g-{}",),
    "target": ("t-{}",),
    "targets": ("t-{}",),
    "tenant_id": ("{}",),
}
"""How what a field of a body, or of a query, names is called, from the mark of the thing; `id` by its route."""
OTHER: Final = OWN[1]
TAKEN: Final[Mapping[str, str]] = {
    "e-{}": "xnode",
    **{IDS[parameter]: TOWN.mark for parameter in OF_TOWNS - {"tenant_id"}},
}
"""Mark of what the caller's town has under an id of this form, where that is not another lamp."""
CARRIES_IDS: Final = re.compile(r"(^|_)ids?$")
CREATES: Final[Mapping[str, str]] = {"/api/v1/devices/unknown/{device_id}/approve": "{}"}
"""Whose `id` is not of what the path below it names."""
TOLD: Final[Mapping[tuple[str, str], str]] = {
    ("POST /api/v1/devices/{asset_id}/loans", "tenant_id"): "towns know of each other: one lends to another by its id",
}
"""Differences that are meant."""
ACCEPTED: Final = (200, 201, 202, 204, 503)
"""With the audit log away what is allowed answers 503, and changes nothing."""
Route = tuple[str, str, Mapping[str, Any]]


def routes(city: City) -> Iterator[Route]:
    """Method, path and description of each."""
    for path, methods in city.client.get("/openapi.json").json()["paths"].items():
        for method in methods.keys() & METHODS:
            if path not in ENDLESS:
                yield method.upper(), path, methods[method]


def compare_paths(city: City) -> int:
    """Ask for what is hidden and for what is not there by each path; how often. Raises where they differ."""
    fill_town(city)
    headers = {**city.key("*", tenant_id="kl"), "If-Match": '"1"'}
    audit_away(city)
    wrong, asked = [], 0
    for method, path, _ in routes(city):
        if "{" not in path:
            continue
        for thing in HIDDEN:
            absent = Thing(thing.letter, ABSENT, thing.kind)
            said = [_ask(city, (method, path), each, headers, {}) for each in (thing, absent)]
            asked += 1
            if said[0] != said[1]:
                wrong.append(f"{method} {path} of {thing.mark}: {said[0]}\n    not there: {said[1]}")
    assert not wrong, "\n".join(wrong)
    return asked


def compare_fields(city: City) -> int:
    """Name what is hidden, not there and taken in each field; how often. Raises where it can be told."""
    fill_town(city)
    headers = {**city.key("*", tenant_id="kl"), "If-Match": '"1"'}
    audit_away(city)
    schemas = city.client.get("/openapi.json").json()["components"]["schemas"]
    paths = {path for _, path, _ in routes(city)}
    wrong, asked = [], 0
    for method, path, described in routes(city):
        for name, place, many in _fields(described, schemas):
            if (f"{method} {path}", name) in TOLD:
                continue
            patterns = _patterns(path, name, paths)
            own = patterns[0].format(TAKEN.get(patterns[0], OTHER.mark))
            target = TOWN if _parameter(path) in OF_TOWNS else INSIDE
            for pattern in patterns:
                for thing in HIDDEN:
                    ids = (pattern.format(thing.mark), pattern.format(ABSENT), own)
                    named = [_named(place, name, each, many=many) for each in ids]
                    hidden, absent, taken = (_ask(city, (method, path), target, headers, each) for each in named)
                    asked += 1
                    if hidden != (taken if absent[0] in ACCEPTED and hidden != absent else absent):
                        wrong.append(f"{method} {path} {name}={pattern.format(thing.mark)}: {hidden}\n"
                                     f"    not there: {absent}\n    taken: {taken}")  # fmt: skip
    assert not wrong, "\n".join(wrong)
    return asked


def _fields(described: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Name, place and whether it is a list, of each field that carries an id."""
    for parameter in described.get("parameters", ()):
        if parameter["in"] == "query" and _carries(parameter["name"]):
            yield parameter["name"], "params", False
    content = described.get("requestBody", {}).get("content", {}).get("application/json")
    for name, schema in _properties(content["schema"], schemas).items() if content else ():
        if _carries(name):
            yield name, "json", "array" in json.dumps(schema)


def _carries(name: str) -> bool:
    known = name == "id" or name in FIELDS
    assert known or not CARRIES_IDS.search(name), f"{name}: what does it name? Put it into FIELDS"
    return known


def _properties(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _properties(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    found = dict(schema.get("properties", {}))
    for each in (s for word in ("anyOf", "oneOf", "allOf") for s in schema.get(word, ())):
        found |= _properties(each, schemas)
    return found


def _patterns(path: str, name: str, paths: set[str]) -> tuple[str, ...]:
    if name != "id":
        return FIELDS[name]
    if path in CREATES:
        return (CREATES[path],)
    below = next((each for each in paths if re.fullmatch(re.escape(path) + r"/\{\w+\}", each)), path)
    return (IDS[below.rpartition("{")[2].rstrip("}")],)


def _parameter(path: str) -> str:
    return path.partition("{")[2].partition("}")[0]


def _named(place: str, name: str, value: str, *, many: bool) -> dict[str, Any]:
    return {place: {name: [value] if many else value}}


def _ask(
    city: City, route: tuple[str, str], thing: Thing, headers: Mapping[str, str], more: Mapping[str, Any]
) -> tuple[int, str, str]:
    """Status, media type and words of the answer, without the marks."""
    method, path = route
    sent = body(method, path, thing)
    for place, fields in more.items():
        sent[place] = {**sent.get(place, {}), **fields}
    sent["headers"] = {**headers, **sent.get("headers", {})}
    answer = city.client.request(method, path_of(path, thing), follow_redirects=False, **sent)
    said = re.sub(r'"(request_id|instance)": ?"[^"]*"', "", answer.text)
    said = re.sub(r"x(?:absent|inside|outside|node|town|fritz|other\d)\b|\bkl\b", "X", said)
    return answer.status_code, answer.headers.get("content-type", ""), said
