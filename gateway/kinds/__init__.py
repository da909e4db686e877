"""What a kind does in the gateway beside the generic effects; a folder per kind that exposes `build_reactions`."""
