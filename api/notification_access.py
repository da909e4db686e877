"""What the routes of notifications share: which rules and targets are whose."""

from typing import Final

from application.access.actor import Actor
from application.notifications.rules import NotificationRule, NotificationTarget
from application.ports.notifications import NotificationRules, NotificationTargets
from application.ports.registry import RegistryTransaction
from devices.errors import Conflict, NotFound

ADMIN: Final = "notifications:admin"
MOST: Final = 200
"""Targets, and rules, of a town."""


def may_see_rule(who: Actor, rule: NotificationRule) -> bool:
    """A rule is for those who may read every kind that it tells of."""
    return who.is_at_home(rule.tenant_id) and all(who.may(f"{kind}:read") for kind in rule.kinds)


def rule_of(tx: RegistryTransaction, who: Actor, rule_id: str) -> NotificationRule:
    """Return the rule if it is the caller's. Raises NotFound."""
    rule = tx.get(NotificationRules).get(rule_id)
    if not may_see_rule(who, rule):
        raise NotFound
    return rule


def target_of(tx: RegistryTransaction, who: Actor, target_id: str) -> NotificationTarget:
    """Return the target if it is of the caller's town. Raises NotFound."""
    target = tx.get(NotificationTargets).get(target_id)
    if not who.is_at_home(target.tenant_id):
        raise NotFound
    return target


def must_not_be_others(tx: RegistryTransaction, who: Actor, target: NotificationTarget) -> None:
    """Raise Conflict when a rule that the caller may not see uses the target: its messages would go elsewhere."""
    rules = tx.get(NotificationRules).list({target.tenant_id})
    if any(target.target_id in rule.everyone() and not may_see_rule(who, rule) for rule in rules):
        raise Conflict("rule_uses_target")
