"""The generic routes, one module per resource; what only one kind needs is in `api.kinds`."""
