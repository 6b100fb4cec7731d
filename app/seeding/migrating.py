"""Runs the migrations, which make the tables of every database."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL

from app.settings import PROJECT

MIGRATIONS = PROJECT / "migrations"


def sqlite_url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))


def migrate(url: URL) -> None:
    """Brings the database to the newest migration."""
    command.upgrade(alembic_config(url), "head")


def alembic_config(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    return config
