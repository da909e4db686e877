"""An archive of an installation: what is in it; how it is written, and read though a stranger may have made it."""
