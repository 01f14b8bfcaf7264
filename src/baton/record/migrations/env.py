"""What Alembic executes for every command: migrate the caller's connection, inside the caller's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
