"""Complete downloads: files that a build makes beside its database, in a folder named by the digest of all of them."""

import re
import shutil
import time
from hashlib import file_digest
from pathlib import Path

from app.db.sqlite import FileIdentity, file_identity
from app.query.dataset import Download
from app.query.formats import FORMATS, Format

DATABASE = "dataset.sqlite"
PACKAGE = "datapackage.zip"
FILE_SECONDS = 600.0  # until a file is compared with its digest again

DATASET_FILES = {
    DATABASE: Format(
        "application/vnd.sqlite3",
        "The whole dataset as a plain SQLite database: a table for each resource, one for each of its lists, and "
        "`columns`, which explains them.",
        is_file=True,
    ),
    PACKAGE: Format(
        "application/zip",
        "The whole dataset as a Data Package (v2): a CSV file of each resource, and datapackage.json with their "
        "schemas, keys, sources and column types of the Fiscal Data Package (1.0).",
        is_file=True,
    ),
}

Verified = dict[Path, tuple[FileIdentity, float]]  # what a file was, and when, when it had its digest


def folder_of(database: Path, digest: str) -> Path:
    """The folder of a dataset's files: a new build never changes the files of an old one."""
    return database.with_name(f"{database.name}.{digest[:16]}")


def format_of(name: str) -> Format:
    """The format of a download, by the name of its file."""
    return DATASET_FILES.get(name) or FORMATS[name.rpartition(".")[2]]


def is_file(download: Download) -> bool:
    """Whether a build makes a file of it. Other downloads are made on request."""
    return format_of(download.path.rpartition("/")[2]).is_file


def is_there(path: Path, download: Download) -> bool:
    """Whether a file is there with its size; its content may be another."""
    identity = file_identity(path)
    return identity is not None and identity.size == download.bytes


def is_intact(path: Path, download: Download, verified: Verified) -> bool:
    """Whether a file is there with its size and its digest. Reads the whole file, unless it did so within FILE_SECONDS
    and the file is the same."""
    identity, now = file_identity(path), time.monotonic()
    if identity is None or identity.size != download.bytes:
        return False
    found, when = verified.get(path, (None, 0.0))
    if found == identity and now - when < FILE_SECONDS:
        return True
    try:
        with path.open("rb") as file:
            whole = file_digest(file, "sha256").hexdigest() == download.sha256
    except OSError:
        return False
    if whole:
        verified[path] = identity, now
    return whole


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
