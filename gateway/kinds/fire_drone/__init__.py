"""What drones set off in the gateway: flights are recorded."""

from application.kinds.fire_drone.flight_recorder import FlightRecorder
from gateway.kinds.fire_drone.reactions import DroneReactions
from gateway.reactions import KindReactions, ReactionTools


def build_reactions(tools: ReactionTools) -> KindReactions:
    """Build them once per gateway."""
    return DroneReactions(FlightRecorder(tools.registry, tools.reader, owns=tools.owns))
