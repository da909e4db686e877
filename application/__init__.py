"""Use-cases and ports: what the city does, said without protocol, database or page; each use-case takes who acts."""
