"""Simulated devices; a folder per kind that exposes `fleet`."""
