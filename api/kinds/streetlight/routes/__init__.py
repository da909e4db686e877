"""Routes of lamps, light groups and the night."""
