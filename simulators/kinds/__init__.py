"""Simulated devices; a folder per kind that exposes `build_fleet`."""
