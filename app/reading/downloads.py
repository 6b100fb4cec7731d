"""Downloads of the whole: what a build made beside its database, with sizes and digests; nothing is made here."""

import re
import shutil
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


def sweep(path: Path, kept: Path) -> None:
    """Removes the downloads of older builds, but for the last: a service may be answering from it still."""
    ours = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{16}}")
    folders = [each for each in path.parent.iterdir() if ours.fullmatch(each.name) and each != kept]
    for old in sorted(folders, key=_age)[:-1]:
        shutil.rmtree(old, ignore_errors=True)  # another process may sweep too


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0
