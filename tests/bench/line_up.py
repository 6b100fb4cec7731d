"""Who runs: this service as `shisaku serve` starts it, without an access log, the references, and installed peers."""

import http.client
import pickle
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.settings import PROJECT
from tests.bench import sql
from tests.bench.corpora import Corpus
from tests.bench.languages import Language, data_fusion, ours, plain, sql_page, table_page
from tests.bench.postgres_corpus import PostgresCorpus
from tests.bench.servers import Server, free_port, python

PEERS = ".venv-bench"
ROAPI = PROJECT / PEERS / "bin" / "roapi"
DATASETTE = PROJECT / PEERS / "bin" / "datasette"
SERVE = ("-m", "app.cli", "serve", "--port", "{port}")


@dataclass(frozen=True)
class Rival:
    """A server, in one of the languages that it is asked in."""

    name: str
    server: Server
    language: Language


def service(corpus: Corpus, *options: str, beside: int | None = None, **settings: str) -> Server:
    """This service, without an access log, as all others: what a line of it costs has a row of its own."""
    environment = {"SHISAKU_DATABASE": str(corpus.database), "SHISAKU_ACCESS_LOG": "false", **settings}
    return Server("Shisaku", python(*SERVE, *options), environment, beside)


def plain_service(corpus: Corpus) -> Server:
    command = python("-m", "tests.bench.references", "plain", "{port}")
    return Server("FastAPI + SQLModel", command, {"BENCH_PEERS": str(corpus.peers)})


def bare_application(sent: Path) -> Server:
    return Server("bare ASGI", python("-m", "tests.bench.references", "bare", "{port}"), {"BENCH_SENT": str(sent)})


@contextmanager
def rivals(corpus: Corpus, postgres: PostgresCorpus | None) -> Iterator[dict[str, Rival]]:
    """The servers that get cold requests."""
    with ExitStack() as stack:

        def enter(name: str, server: Server, *languages: tuple[str, Language]) -> Iterator[tuple[str, Rival]]:
            stack.callback(server.close)
            for suffix, language in languages:
                yield name + suffix, Rival(name + suffix, server, language)

        found = dict(enter("ours", service(corpus), ("", ours)))
        found |= enter("uncached", service(corpus, SHISAKU_CACHE_BYTES="0"), ("", ours))
        if postgres:
            found |= enter("PostgreSQL", service(corpus, beside=postgres.process, **postgres.settings), ("", ours))
        found |= enter("naive", plain_service(corpus), ("", plain))
        if DATASETTE.exists():
            command = python("-m", "tests.bench.peers", str(corpus.peers), "{port}", environment=PEERS)
            found |= enter("Datasette", Server("Datasette", command), (" page", table_page), (" SQL", sql_page))
        if ROAPI.exists():
            found |= enter("roapi", Server("roapi", _roapi(corpus), {"RUST_LOG": "error"}), ("", data_fusion))
        yield found


def _roapi(corpus: Corpus) -> list[str]:
    tables = [part for table in sql.TABLES for part in ("--table", f"{table}={corpus.table(table)}")]
    others = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    own = ["--addr-http", "127.0.0.1:{port}", "--addr-postgres", others[0], "--addr-flight-sql", others[1]]
    return [str(ROAPI), *own, *tables]


@dataclass(frozen=True)
class Variant:
    """A request that is repeated, and the header that distinguishes it from another of the same path."""

    name: str
    header: tuple[str, str] | None = None

    @property
    def line(self) -> tuple[str, ...]:
        return (f"{self.header[0]}: {self.header[1]}",) if self.header else ()


def keep_answers(port: int, asked: dict[str, list[Variant]], file: Path) -> None:
    """Writes what the service answers to each path and variant, for the bare application to send."""
    kept: dict[tuple[str, bytes], dict[tuple[bytes, bytes] | None, tuple[int, list[tuple[bytes, bytes]], bytes]]] = {}
    for path, variants in asked.items():
        bare, _, query = path.partition("?")
        known = kept[bare, query.encode()] = {}
        for variant in variants:
            header = (variant.header[0].lower().encode(), variant.header[1].encode()) if variant.header else None
            status, headers, body = fetch(port, path, dict([variant.header] if variant.header else []))
            wired = [(k.encode(), v.encode("latin-1")) for k, v in headers if k.lower() != "date"]
            known[header] = (status, wired, body)
    file.write_bytes(pickle.dumps(kept))


def fetch(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, list[tuple[str, str]], bytes]:
    """One answer, whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()
