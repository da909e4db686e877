"""Run by alembic: takes steps on the connection that `storage.registry.migrate` gives, in its transaction."""

from alembic import context

from storage.registry.metadata import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
