"""Use-cases of the fire brigade's drones: the flight book and who fills it."""
