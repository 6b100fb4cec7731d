"""The tables of this release. A database is always built anew, so there is nothing to change in an older one."""

from alembic import op
from sqlmodel import SQLModel

revision: str = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Makes the tables that the models declare and that are not there yet."""
    SQLModel.metadata.create_all(op.get_bind())


def downgrade() -> None:
    SQLModel.metadata.drop_all(op.get_bind())
