"""What the event network does in the gateway: the schedule of events, capacity tests, facts for rules."""

from gateway.kinds.event_network.serving import NetworkReactions
from gateway.reactions import Tools


def reactions(tools: Tools) -> NetworkReactions:
    """Build the reactions of this kind."""
    return NetworkReactions(tools.registry)
