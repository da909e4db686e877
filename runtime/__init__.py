"""Settings, wiring, command line, start and stop: the only place where concrete parts meet."""
