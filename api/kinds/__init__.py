"""Routes of single kinds; a folder per kind that exposes `router`, mounted under `/api/v1`."""
