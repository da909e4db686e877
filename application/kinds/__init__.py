"""Use-cases and ports of single kinds; a folder per kind."""
