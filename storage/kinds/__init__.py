"""Tables of single kinds; a folder per kind that exposes `REPOSITORIES` (port type → adapter class)."""
