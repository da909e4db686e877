"""HTTP: routes, access, errors, live stream."""
