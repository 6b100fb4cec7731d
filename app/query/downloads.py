"""Complete downloads: files that a build makes beside its database, in a folder named by the dataset's digest."""

import re
import shutil
from pathlib import Path

DATABASE = "dataset.sqlite"
PACKAGE = "datapackage.zip"


def folder_of(database: Path, digest: str) -> Path:
    """The folder of a dataset's files: a new build never changes the files of an old one."""
    return database.with_name(f"{database.name}.{digest[:16]}")


def remove_old(path: Path, current: Path) -> None:
    """Removes the folders of older builds but the last, which a service may still be answering from."""
    ours = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{16}}")
    folders = [each for each in path.parent.iterdir() if ours.fullmatch(each.name) and each != current]
    for old in sorted(folders, key=_modified)[:-1]:
        shutil.rmtree(old, ignore_errors=True)  # another process may remove it too


def _modified(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0
