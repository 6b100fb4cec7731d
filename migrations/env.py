"""Alembic's door: tables come from the resources' own declarations; no data is written here."""

from alembic import context
from sqlalchemy import create_engine

from app.facts.tables import metadata
from app.resources import RESOURCES

assert RESOURCES, "importing the resources declares their tables"  # noqa: S101

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
