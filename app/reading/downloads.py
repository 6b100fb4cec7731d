"""Downloads of the whole: what a build made beside its database, with sizes and digests; nothing is made here."""

from dataclasses import dataclass
from pathlib import Path

DATABASE = "dataset.sqlite"
PACKAGE = "datapackage.zip"


@dataclass(frozen=True)
class Download:
    """Something to download, whole; size and digest are unknown only of a workbook that would be too large."""

    path: str
    media_type: str
    rows: int | None
    bytes: int | None
    sha256: str | None


def folder_of(database: Path, digest: str) -> Path:
    """Where the files of a database's own dataset stand: a new build never changes the files of an old one."""
    return database.with_name(f"{database.name}.{digest[:16]}")
