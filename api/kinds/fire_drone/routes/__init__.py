"""Routes of drones, flights and tracks."""
