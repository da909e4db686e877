"""Roles: named sets of scopes. Kinds bring their own, so that none is named here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from devices.kind_catalog import KindCatalog

VIEWER: Final = "viewer"
ADMIN: Final = "admin"
EVERYTHING: Final = "*"
"""All scopes but those of restricted kinds."""


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role somebody holds: in one town (`tenant_id`) or all, in all of it or within `limits`.

    A limit is `group/{id}` or another thing's `{subject}/{id}`, such as `event/{id}`.
    """

    role: str
    tenant_id: str | None = None
    limits: frozenset[str] = frozenset()


def role_scopes(catalog: KindCatalog) -> Mapping[str, frozenset[str]]:
    """Return the scopes of each role: `viewer` reads every open kind, `admin` does all but restricted kinds."""
    kinds = [kind for kind in catalog.values() if not kind.internal]
    found: dict[str, frozenset[str]] = {
        VIEWER: frozenset(kind.read_scope for kind in kinds if not kind.restricted),
        ADMIN: frozenset({EVERYTHING}),
    }
    for kind in kinds:
        for role, scopes in kind.roles.items():
            found[role] = found.get(role, frozenset()) | scopes
    return found


def whole_scopes(
    grants: Iterable[RoleGrant], tenant_id: str | None, known: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Scopes that grants give in the whole of a town; with None in all towns. `known`: scopes of each role."""
    whole = (known.get(g.role, frozenset()) for g in grants if g.tenant_id in {None, tenant_id} and not g.limits)
    return frozenset().union(*whole)


def common_scopes(some: Collection[str], others: Collection[str], restricted: Collection[str]) -> frozenset[str]:
    """Scopes that both grant."""
    here = (scope for scope in some if scope_covers(others, scope, restricted))
    return frozenset(here) | {scope for scope in others if scope_covers(some, scope, restricted)}


def scope_covers(held: Collection[str], scope: str, restricted: Collection[str]) -> bool:
    """Tell whether scopes grant another: `subject:*` grants all verbs, `*` everything but restricted kinds."""
    if scope == EVERYTHING:
        return EVERYTHING in held
    subject = scope.partition(":")[0]
    if scope in held or f"{subject}:*" in held:
        return True
    return EVERYTHING in held and subject not in restricted
