"""The environment alembic runs for every package; everything comes from `db/migrate.py`."""

from alembic import context

options = context.config.attributes
context.configure(connection=options["connection"], **options["configure"])
with context.begin_transaction():
    context.run_migrations()
