"""The audit log: who did what, in a chain of hashes in which nothing can be altered unseen."""
