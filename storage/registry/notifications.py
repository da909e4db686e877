"""Targets and rules of notifications."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from application.notifications import duty_hours
from application.notifications.rules import EscalationStep, NotificationChannel, NotificationRule, NotificationTarget
from application.ports.secret_box import SecretBox, SecretUnreadable
from devices.errors import Conflict, IdUnavailable, NotFound, VersionMismatch
from devices.messages import EventSeverity
from storage.registry.notification_tables import RULE_GROUPS, RULE_TARGETS, RULES, TARGETS
from storage.registry.row_statements import insert_new
from storage.registry.sealed_targets import FIELDS, UNREADABLE, open_secret, seal_secret
from storage.registry.tables import GROUPS


class SqlNotificationTargets:
    """NotificationTargets; secret and address of webhooks are sealed in `box`, and in clear only without one."""

    def __init__(self, connection: Connection, box: SecretBox | None = None) -> None:
        self._connection = connection
        self._box = box

    def put(self, target: NotificationTarget) -> NotificationTarget:
        """Create (version 0 given) or replace (current version given). Raises Conflict, NotFound, VersionMismatch."""
        if target.address == UNREADABLE:
            raise Conflict("sealed_with_other_key", field="address")
        values: dict[str, Any] = {
            "tenant_id": target.tenant_id,
            "name": target.name,
            "channel": target.channel.value,
            "address": target.address,
            "language": target.language,
            "enabled": target.enabled,
            "secret": target.secret,
        }
        if self._box is not None and target.channel is NotificationChannel.WEBHOOK:
            values |= {
                f: seal_secret(self._box, target.target_id, f, str(values[f])) for f in FIELDS if values[f] is not None
            }
        _put(self._connection, TARGETS, "target_id", target.target_id, target.version, values)
        return self.get(target.target_id)

    def get(self, target_id: str) -> NotificationTarget:
        """Raises NotFound."""
        row = self._connection.execute(select(TARGETS).where(TARGETS.c.target_id == target_id)).one_or_none()
        if row is None:
            raise NotFound(target_id)
        return self._target(row)

    def list(self, tenant_ids: Collection[str] | None = None) -> Sequence[NotificationTarget]:
        """In order of id."""
        query = select(TARGETS).order_by(TARGETS.c.target_id)
        if tenant_ids is not None:
            query = query.where(TARGETS.c.tenant_id.in_(tenant_ids))
        return [self._target(row) for row in self._connection.execute(query)]

    def _target(self, row: Row[Any]) -> NotificationTarget:
        """With another key than it was sealed with it has no secret, and so sends nothing."""
        try:
            address, secret = (open_secret(self._box, row.target_id, f, getattr(row, f)) for f in FIELDS)
        except SecretUnreadable:
            address, secret = UNREADABLE, None
        return NotificationTarget(
            target_id=row.target_id,
            tenant_id=row.tenant_id,
            name=row.name,
            channel=NotificationChannel(row.channel),
            address=address or "",
            language=row.language,
            enabled=row.enabled,
            secret=secret,
            version=row.version,
        )

    def remove(self, target_id: str) -> None:
        """Raises NotFound, Conflict while a rule names it."""
        naming = select(RULE_TARGETS.c.rule_id).where(RULE_TARGETS.c.target_id == target_id).limit(1)
        if self._connection.execute(naming).first() is not None:
            raise Conflict("rule_uses_target")
        if not self._connection.execute(delete(TARGETS).where(TARGETS.c.target_id == target_id)).rowcount:
            raise NotFound(target_id)


class SqlNotificationRules:
    """NotificationRules."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, rule: NotificationRule) -> NotificationRule:
        """Create (version 0 given) or replace (current version given).

        Raises NotFound, VersionMismatch, Conflict when it exists or a target or group is none of its tenant.
        """
        self._require(rule, TARGETS, "target_id", rule.everyone(), "targets")
        self._require(rule, GROUPS, "group_id", rule.group_ids, "groups")
        values = {"tenant_id": rule.tenant_id, "name": rule.name, "enabled": rule.enabled, "body": _body(rule)}
        _put(self._connection, RULES, "rule_id", rule.rule_id, rule.version, values)
        self._link(rule, RULE_TARGETS, "target_id", rule.everyone())
        self._link(rule, RULE_GROUPS, "group_id", rule.group_ids)
        return self.get(rule.rule_id)

    def get(self, rule_id: str) -> NotificationRule:
        """Raises NotFound."""
        row = self._connection.execute(select(RULES).where(RULES.c.rule_id == rule_id)).one_or_none()
        if row is None:
            raise NotFound(rule_id)
        return _rule(row)

    def list(self, tenant_ids: Collection[str] | None = None) -> Sequence[NotificationRule]:
        """In order of id."""
        query = select(RULES).order_by(RULES.c.rule_id)
        if tenant_ids is not None:
            query = query.where(RULES.c.tenant_id.in_(tenant_ids))
        return [_rule(row) for row in self._connection.execute(query)]

    def remove(self, rule_id: str) -> None:
        """With what it remembers. Raises NotFound."""
        if not self._connection.execute(delete(RULES).where(RULES.c.rule_id == rule_id)).rowcount:
            raise NotFound(rule_id)

    def _require(self, rule: NotificationRule, table: Table, column: str, ids: Collection[str], field: str) -> None:
        query = select(table.c[column]).where(table.c[column].in_(ids), table.c.tenant_id == rule.tenant_id)
        if wrong := sorted(set(ids) - set(self._connection.execute(query).scalars())):
            raise Conflict("none_of_tenant", tenant=rule.tenant_id, names=list(wrong[:5]), field=field)

    def _link(self, rule: NotificationRule, table: Table, column: str, ids: Collection[str]) -> None:
        self._connection.execute(delete(table).where(table.c.rule_id == rule.rule_id))
        rows = [{"rule_id": rule.rule_id, column: other, "tenant_id": rule.tenant_id} for other in sorted(ids)]
        if rows:
            self._connection.execute(insert(table), rows)


def _put(  # noqa: PLR0917 - what makes up a row
    connection: Connection, table: Table, key: str, value: str, version: int, values: Mapping[str, Any]
) -> None:
    if version == 0:
        if not insert_new(connection, table, [{**values, key: value, "version": 1}]):
            raise IdUnavailable("id")
        return
    read = (table.c[key] == value) & (table.c.version == version)
    if connection.execute(update(table).where(read).values(**values, version=version + 1)).rowcount:
        return
    if connection.execute(select(table.c[key]).where(table.c[key] == value)).first() is None:
        raise NotFound(value)
    raise VersionMismatch("not_at_version", name=value, version=version)


def _body(rule: NotificationRule) -> dict[str, Any]:
    return {
        "kinds": sorted(rule.kinds),
        "target_ids": rule.target_ids,
        "severities": sorted(rule.severities),
        "group_ids": sorted(rule.group_ids),
        "duty": duty_hours.dump_duty(rule.duty),
        "critical_always": rule.critical_always,
        "gather_us": rule.gather_us,
        "repeat_us": rule.repeat_us,
        "escalation": [{"after_us": s.after_us, "target_ids": s.target_ids} for s in rule.escalation],
        "resolved": rule.resolved,
    }


def _rule(row: Row[Any]) -> NotificationRule:
    body: Mapping[str, Any] = row.body
    return NotificationRule(
        rule_id=row.rule_id,
        tenant_id=row.tenant_id,
        name=row.name,
        kinds=frozenset(body["kinds"]),
        target_ids=tuple(body["target_ids"]),
        severities=frozenset(map(EventSeverity, body["severities"])),
        group_ids=frozenset(body["group_ids"]),
        duty=duty_hours.load_duty(body["duty"]),
        critical_always=body["critical_always"],
        gather_us=body["gather_us"],
        repeat_us=body["repeat_us"],
        escalation=tuple(EscalationStep(s["after_us"], tuple(s["target_ids"])) for s in body["escalation"]),
        resolved=body["resolved"],
        enabled=row.enabled,
        version=row.version,
    )
