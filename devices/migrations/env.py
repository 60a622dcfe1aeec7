"""Alembic's environment: runs inside the transaction that `devices.database` has begun."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite rolls DDL back like anything else once the driver leaves transactions alone.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
