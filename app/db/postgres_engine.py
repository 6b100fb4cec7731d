"""SQLAlchemy engines over PostgreSQL whose waits for the server have a deadline."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, inf
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from app.settings import Settings

# A connection that nothing comes from is known to be lost within half a minute.
CONNECT_ARGS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "shisaku",
}


class _Clock(threading.local):
    """Until when each thread waits for the server."""

    deadline = inf


_clock = _Clock()


def time_left() -> float | None:
    """The seconds that this thread may wait for the server; None if it has no deadline."""
    return None if _clock.deadline == inf else max(_clock.deadline - time.monotonic(), 0)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """This thread waits for the server no longer than this, even if nothing comes from it: a server that hangs, or a
    network that loses everything, stops no statement by itself."""
    _clock.deadline = time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.deadline = inf


class _TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the deadline of its thread has passed."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, time_left() if timeout is None else timeout)
        except psycopg.OperationalError:
            if time_left() == 0:
                self.pgconn.finish()  # a late answer would be taken for that of the next statement
            raise


def _connect(_dialect: Any, _record: Any, arguments: Any, parameters: dict[str, Any]) -> _TimedConnection:
    left = time_left()
    if left == 0:
        raise psycopg.OperationalError("no answer in time")
    if left is not None:
        parameters["connect_timeout"] = min(ceil(left), CONNECT_ARGS["connect_timeout"])
    return _TimedConnection.connect(*arguments, **parameters)


def engine_of(url: URL, *, pool_size: int = 1, **session: str) -> Engine:
    """An engine whose sessions have these server settings. Connections are tested before use, and renewed."""
    options = " ".join([str(url.query.get("options", "")), *(f"-c {name}={value}" for name, value in session.items())])
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        connect_args={**CONNECT_ARGS, "options": options.strip()},
    )
    event.listen(engine, "do_connect", _connect)
    return engine


def url_of(settings: Settings) -> URL:
    """The address of the database, which the settings must have."""
    assert settings.database_url is not None  # noqa: S101 - narrows the type
    return make_url(settings.database_url.get_secret_value())


def shown(url: URL) -> str:
    """The database in words, without user and password."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def reason(error: psycopg.Error) -> str:
    """What the server or the driver says is wrong, in one line."""
    line = error.diag.message_primary or str(error).partition("\n")[0]
    return re.sub(r"^.*(?:failed: |FATAL:  )", "", line).strip().rstrip(".")
