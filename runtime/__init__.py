"""Settings, wiring, command line, start and stop: the only place where concrete parts meet."""

from runtime.lean_imports import keep_imports_lean

keep_imports_lean()
