"""Whether a message may be said by whom it was said: a device for itself, or the connector that speaks for it."""

from collections.abc import Sequence
from typing import Final

from application.ports.memberships import ConnectorMembership
from devices.samples import RawMessage
from devices.time_us import SECOND_US, rfc3339
from devices.topics import UplinkTopic
from gateway.decode import DecodedMessage

NOT_ITS_CONNECTOR: Final = "not_its_connector"
"""It was said below the topics of a device that does not speak for this one, or did not when it was true."""
HAS_A_CONNECTOR: Final = "has_a_connector"
"""The device said it itself while a connector speaks for it."""

Refusal = tuple[str, str]
"""Reason and detail."""


def admission_refusal(
    heard: DecodedMessage, message: RawMessage, memberships: Sequence[ConnectorMembership]
) -> Refusal | frozenset[int]:
    """Why the whole message is refused, or numbers of the readings that are.

    Samples count by their time, at the latest that of receipt; what has none by receipt. So what was measured while the
    connector had the right is taken later too, and nothing that is claimed for the time after.
    """
    uplink = heard.uplink
    if not heard.readings:
        wrong = _at(uplink, memberships, message.received_us, 0)
        return frozenset() if wrong is None else wrong
    slack_us = round(heard.kind.limits.clock_ahead_s * SECOND_US)
    times = (message.received_us if r.ts_us is None else min(r.ts_us, message.received_us) for r in heard.readings)
    found = {n: wrong for n, at_us in enumerate(times) if (wrong := _at(uplink, memberships, at_us, slack_us))}
    return found[0] if len(found) == len(heard.readings) else frozenset(found)


def _at(uplink: UplinkTopic, memberships: Sequence[ConnectorMembership], at_us: int, slack_us: int) -> Refusal | None:
    if not uplink.connector_id:
        other = next((m for m in memberships if _covers(m, at_us, 0)), None)
        if other is None:
            return None
        return HAS_A_CONNECTOR, f"{other.connector_user} speaks for it since {rfc3339(other.from_us)}"
    his = [m for m in memberships if _is_by(m, uplink)]
    if any(_covers(m, at_us, slack_us) for m in his):
        return None
    said = f"{uplink.tenant_id}/{uplink.connector_kind}/{uplink.connector_id}"
    ended_us = next((m.until_us for m in reversed(his) if m.until_us is not None and m.until_us <= at_us), None)
    when = "" if ended_us is None else f", its right ended {rfc3339(ended_us)}"
    return NOT_ITS_CONNECTOR, f"{said} does not speak for it{when}"


def _is_by(membership: ConnectorMembership, uplink: UplinkTopic) -> bool:
    said_by = (uplink.tenant_id, uplink.connector_kind, uplink.connector_id)
    return (membership.tenant_id, membership.connector_kind, membership.connector_id) == said_by


def _covers(membership: ConnectorMembership, at_us: int, slack_us: int) -> bool:
    """Clocks that are slow lose nothing at the beginning."""
    return membership.from_us - slack_us <= at_us and (membership.until_us is None or at_us < membership.until_us)
