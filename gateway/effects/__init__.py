"""The effects cursor: judges what the journal holds and brings the registry up to date, one transaction a pass."""
