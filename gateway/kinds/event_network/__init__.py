"""What the event network does in the gateway: the schedule of events, capacity tests, facts for rules."""

from gateway.kinds.event_network.reactions import NetworkReactions
from gateway.reactions import ReactionTools


def build_reactions(tools: ReactionTools) -> NetworkReactions:
    """Build the reactions of this kind."""
    return NetworkReactions(tools.registry)
