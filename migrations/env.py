"""Alembic environment: the tables are those that the models declare."""

from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from app.db import tables as serving
from app.resources import tables as public

assert serving, "imported because they declare the tables"  # noqa: S101
assert public  # noqa: S101

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    if engine.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")  # the driver begins no transaction for a table: each would be synced
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
