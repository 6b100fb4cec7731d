"""Migrations: they make the tables of every database, whichever kind it is; no row is written here."""

from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL

from app.settings import PROJECT

MIGRATIONS = PROJECT / "migrations"


def sqlite(path: Path) -> URL:
    """The database that a file is."""
    return URL.create("sqlite", database=str(path))


def migrated(url: URL) -> None:
    """Brings the database's tables to the newest migration."""
    command.upgrade(alembic_config(url), "head")


def revise(message: str) -> None:
    """Writes the migration from the newest one to the tables that the resources declare."""
    count = len(list((MIGRATIONS / "versions").glob("*.py")))
    with TemporaryDirectory() as folder:
        url = sqlite(Path(folder) / "tables.sqlite")
        migrated(url)
        command.revision(alembic_config(url), message, autogenerate=True, rev_id=f"{count + 1:04}")


def alembic_config(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    return config
