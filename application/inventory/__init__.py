"""Assets, the devices bound to them, and groups: taken in, changed and retired."""
